import type { IndexedOperation } from './path-trie.ts'
import type { ResourceKey } from './resource-key.ts'
import { type IdsAt, type NamedEnd, type ResourcePath, resourceKey } from './resource-path.ts'

/** An operation that the path names, with the values of its parameters, each decoded once. */
export class Match {
  readonly indexed: IndexedOperation
  /** The parameters' values in the order of the path, each decoded once. */
  readonly values: readonly string[]
  readonly #names: readonly string[]
  readonly #at: IdsAt | undefined
  #parameters: Readonly<Record<string, string>> | undefined

  /** @param at absent: something in the path is encoded, or it is not known whole */
  constructor(indexed: IndexedOperation, names: readonly string[], values: readonly string[], at?: IdsAt) {
    this.indexed = indexed
    this.values = values
    this.#names = names
    this.#at = at
  }

  /**
   * The key of what the operation acts on.
   * @param path the operation's, of the one model that found it
   */
  ownKey(path: ResourcePath, organizationId: string): ResourceKey {
    return this.#keyAt(path, path.ends[0], organizationId)
  }

  /** The keys of the resources that it is part of, from the inside out. */
  ancestorKeys(path: ResourcePath, organizationId: string): readonly ResourceKey[] {
    if (path.ends.length === 1) return nothing
    return path.ends.slice(1).map((end) => this.#keyAt(path, end, organizationId))
  }

  /** All of them, its own first. */
  keys(path: ResourcePath, organizationId: string): readonly ResourceKey[] {
    return [this.ownKey(path, organizationId), ...this.ancestorKeys(path, organizationId)]
  }

  /** Made when first asked for: most refusals do not need them. */
  get parameters(): Readonly<Record<string, string>> {
    this.#parameters ??= parametersOf(this.#names, this.values)
    return this.#parameters
  }

  #keyAt(path: ResourcePath, end: NamedEnd, organizationId: string): ResourceKey {
    return resourceKey(path, end, this.values, organizationId, this.#at)
  }
}

const nothing: readonly ResourceKey[] = Object.freeze([])

function parametersOf(names: readonly string[], values: readonly string[]): Readonly<Record<string, string>> {
  const parameters: Record<string, string> = {}
  for (let i = 0; i < names.length; i++) parameters[names[i] ?? ''] = values[i] ?? ''
  return parameters
}
