import type { CompiledBundle } from './compiled-bundle.ts'
import type { GuardRequest } from './guard-answer.ts'
import type { GuardSource } from './guard-source.ts'
import { attempt } from './outcomes.ts'
import {
  type MetadataAnswer,
  type MetadataRules,
  metadataAnswer,
  type ResourceDescription,
  type ResourceMetadata,
  resourceMetadata,
} from './resource-metadata.ts'

interface PublishingRules extends MetadataRules {
  /** Present: the API's metadata are given, and named in challenges. */
  readonly described: ResourceDescription | undefined
}

/** The API's metadata (RFC 9728), made once for each bundle. */
export class PublishedMetadata {
  readonly #source: GuardSource
  readonly #rules: PublishingRules
  readonly #made = new WeakMap<CompiledBundle, ResourceMetadata>()

  constructor(source: GuardSource, rules: PublishingRules) {
    this.#source = source
    this.#rules = rules
  }

  /** `undefined` while nothing is known, or if the audience is no address. */
  async now(): Promise<ResourceMetadata | undefined> {
    const bundle = await this.#source.bundle()
    return bundle === undefined ? undefined : this.#of(bundle)
  }

  async answerTo({ method, url }: GuardRequest): Promise<MetadataAnswer | undefined> {
    if (this.#rules.described === undefined || !url.startsWith('/.well-known/')) return undefined
    const metadata = await attempt(() => this.now())
    return metadata.kind === 'failed' || metadata.value === undefined
      ? undefined
      : metadataAnswer(metadata.value, method, url)
  }

  /** Where clients who are refused are sent to read; `undefined` where the metadata are not given. */
  urlFor(bundle: CompiledBundle): string | undefined {
    return this.#rules.described === undefined ? undefined : this.#of(bundle)?.url
  }

  #of(bundle: CompiledBundle): ResourceMetadata | undefined {
    const known = this.#made.get(bundle)
    if (known !== undefined) return known
    const made = resourceMetadata(bundle, this.#rules, this.#rules.described ?? {})
    if (made !== undefined) this.#made.set(bundle, made)
    return made
  }
}
