const empty = -1

/**
 * What is said of some operations, by their indexes. One array holds keys and values beside one another: there is a table
 * for every role, and a look-up in any of thousands of them is to touch little memory.
 */
export class ByOperation<T> {
  /** A key and its value, in turn; a power of two of such pairs, at most two thirds of them taken. */
  readonly #slots: (number | T | undefined)[]
  readonly #shift: number
  readonly #sizeMax: number
  #size = 0

  /** @param sizeMax never more operations than these */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
    const bits = Math.ceil(Math.log2(Math.max(2, sizeMax * 1.5)))
    this.#shift = 32 - bits
    this.#slots = new Array(2 << bits)
    for (let at = 0; at < this.#slots.length; at += 2) {
      this.#slots[at] = empty
      this.#slots[at + 1] = undefined
    }
  }

  get size(): number {
    return this.#size
  }

  get(index: number): T | undefined {
    const at = this.#placeOf(index)
    // Sound: a value stands beside each key.
    return this.#slots[at] === index ? (this.#slots[at + 1] as T) : undefined
  }

  set(index: number, value: T): void {
    const at = this.#placeOf(index)
    if (this.#slots[at] === empty && ++this.#size > this.#sizeMax)
      throw new Error(`room for ${this.#sizeMax} operations, and no more`)
    this.#slots[at] = index
    this.#slots[at + 1] = value
  }

  *[Symbol.iterator](): Generator<readonly [index: number, value: T]> {
    for (let at = 0; at < this.#slots.length; at += 2) {
      const index = this.#slots[at]
      if (typeof index === 'number' && index !== empty) yield [index, this.#slots[at + 1] as T]
    }
  }

  /** Where a key stands, or where it would. */
  #placeOf(index: number): number {
    const last = this.#slots.length - 1
    let at = (Math.imul(index, 0x9e3779b1) >>> this.#shift) << 1
    while (this.#slots[at] !== index && this.#slots[at] !== empty) at = (at + 2) & last
    return at
  }
}
