/**
 * What was made of texts, kept while it is asked for, so that what many roles or callers say is made once and is one
 * object. Two lots of it: when the newer one is full, it takes the place of the older one. That bounds what is kept, and
 * costs less than a weak reference and a finalizer for each. Bounded by characters, unlike the SDK's `BoundedMap`: a text
 * may be of any length.
 */
export class AtHand<T> {
  readonly #charactersMax: number
  #newer = new Map<string, T>()
  #older = new Map<string, T>()
  #characters = 0

  /** @param charactersMax of a lot's texts, together */
  constructor(charactersMax = 2 ** 18) {
    this.#charactersMax = charactersMax
  }

  of(text: string, make: (text: string) => T): T {
    const known = this.#newer.get(text)
    if (known !== undefined) return known
    const made = this.#older.get(text) ?? make(text)
    this.#characters += text.length
    if (this.#characters > this.#charactersMax) {
      this.#older = this.#newer
      this.#newer = new Map()
      this.#characters = text.length
    }
    this.#newer.set(text, made)
    return made
  }
}
