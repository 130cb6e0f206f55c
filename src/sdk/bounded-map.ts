/**
 * A map of bounded size that forgets what was not used lately, at a constant cost: two halves, of which the older is
 * dropped whole when the younger is full.
 */
export class BoundedMap<K, V> {
  readonly #halfSize: number
  #young = new Map<K, V>()
  #old = new Map<K, V>()

  /** @param sizeMax at most so many entries, and at least the half of it of those used last */
  constructor(sizeMax: number) {
    this.#halfSize = Math.max(1, Math.floor(sizeMax / 2))
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
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }

  delete(key: K): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
  }

  /** Those used last come last. */
  entries(): readonly (readonly [K, V])[] {
    return [...this.#old, ...this.#young]
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }
}
