import type { Challenger } from './answers.ts'
import type { Scheme } from './authorization.ts'
import type { CompiledBundle } from './compiled-bundle.ts'
import type { PublishedMetadata } from './published-metadata.ts'

/** Who challenges whoever is refused: the same object for all requests, so that what is written of it can be kept. */
export class Challengers {
  readonly #metadata: PublishedMetadata
  readonly #proofAlgorithms: readonly string[]
  readonly #made: Readonly<Record<Scheme, WeakMap<CompiledBundle, Challenger>>> = {
    Bearer: new WeakMap(),
    DPoP: new WeakMap(),
  }

  constructor(metadata: PublishedMetadata, proofAlgorithms: readonly string[]) {
    this.#metadata = metadata
    this.#proofAlgorithms = proofAlgorithms
  }

  of(bundle: CompiledBundle, scheme: Scheme): Challenger {
    const known = this.#made[scheme].get(bundle)
    if (known !== undefined) return known
    const made = this.#make(bundle, scheme)
    this.#made[scheme].set(bundle, made)
    return made
  }

  #make(bundle: CompiledBundle, scheme: Scheme): Challenger {
    const challenger = { realm: bundle.service.slug, scheme, proofAlgorithms: this.#proofAlgorithms }
    const resourceMetadata = this.#metadata.urlFor(bundle)
    return resourceMetadata === undefined ? challenger : { ...challenger, resourceMetadata }
  }
}
