/** What a `Map` does, as far as it is needed here. */
interface Half<K, V> extends Iterable<[K, V]> {
  get(key: K): V | undefined
  has(key: K): boolean
  set(key: K, value: V): unknown
  delete(key: K): unknown
  readonly size: number
}

/**
 * A map of bounded size that forgets what was not used lately, at a constant cost: two halves, of which the older is
 * dropped whole when the younger is full.
 */
export class BoundedMap<K, V> {
  readonly #halfSize: number
  readonly #half: () => Half<K, V>
  #young: Half<K, V>
  #old: Half<K, V>

  /**
   * @param sizeMax at most so many entries, and at least the half of it of those used last
   * @param half where keys are no single values: a map that knows which are the same
   */
  constructor(sizeMax: number, half: () => Half<K, V> = () => new Map()) {
    this.#halfSize = Math.max(1, Math.floor(sizeMax / 2))
    this.#half = half
    this.#young = half()
    this.#old = half()
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key)
    if (young !== undefined || this.#old.size === 0) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: K, value: V): void {
    this.#old.delete(key)
    if (this.#young.size >= this.#halfSize && !this.#young.has(key)) {
      this.#old = this.#young
      this.#young = this.#half()
    }
    this.#young.set(key, value)
  }

  delete(key: K): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }

  clear(): void {
    this.#young = this.#half()
    this.#old = this.#half()
  }

  /** Those used last come last. */
  entries(): readonly (readonly [K, V])[] {
    return [...this.#old, ...this.#young]
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }
}
