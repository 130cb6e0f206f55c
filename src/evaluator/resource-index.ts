import { ResourceKey } from './resource-key.ts'

/** Something about each of many resources: by their templates first, of which there are few. */
export class ResourceIndex<V> {
  readonly #byShape = new Map<string, Map<string, V>>()
  #size = 0

  get({ shape, ids }: ResourceKey): V | undefined {
    return this.#byShape.get(shape)?.get(ids)
  }

  has({ shape, ids }: ResourceKey): boolean {
    return this.#byShape.get(shape)?.has(ids) === true
  }

  set({ shape, ids }: ResourceKey, value: V): void {
    const known = this.#byShape.get(shape)
    const ofShape = known ?? new Map<string, V>()
    if (known === undefined) this.#byShape.set(shape, ofShape)
    const before = ofShape.size
    ofShape.set(ids, value)
    this.#size += ofShape.size - before
  }

  delete({ shape, ids }: ResourceKey): void {
    if (this.#byShape.get(shape)?.delete(ids) === true) this.#size--
  }

  clear(): void {
    this.#byShape.clear()
    this.#size = 0
  }

  get size(): number {
    return this.#size
  }

  *[Symbol.iterator](): Generator<[ResourceKey, V]> {
    for (const [shape, ofShape] of this.#byShape)
      for (const [ids, value] of ofShape) yield [new ResourceKey(shape, ids), value]
  }
}
