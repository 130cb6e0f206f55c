import type { KnownResource } from './find-resource.ts'
import type { Caller, DenialReason } from './model.ts'
import type { RequestAtHand } from './request/request-at-hand.ts'
import { requestValues } from './request/request-values.ts'
import type { CompiledCondition } from './where/compile-condition.ts'
import type { RequestVariable } from './where/condition.ts'
import type { ConditionFacts, RequestReading } from './where/condition-facts.ts'
import type { TagSet } from './where/tag-set.ts'

type ConditionReason = Extract<
  DenialReason,
  'body_required' | 'ambiguous_request' | 'condition_unknown' | 'condition_false'
>

/** What conditions and tags are held against. */
export class Circumstances implements ConditionFacts {
  readonly principal: Caller
  readonly principalTags: TagSet
  /** `undefined`: the operation has none, or the API knows it. */
  readonly resource: KnownResource | undefined
  readonly resourceTags: TagSet | undefined
  readonly #request: RequestAtHand
  #isAmbiguous = false

  constructor(
    principal: Caller,
    principalTags: TagSet,
    request: RequestAtHand,
    resource: KnownResource | undefined,
  ) {
    this.principal = principal
    this.principalTags = principalTags
    this.resource = resource
    this.resourceTags = resource?.of.tagging.tags
    this.#request = request
  }

  /** Of the request, what `fields` look at. */
  get isAllAtHand(): boolean {
    return this.#request.isAllAtHand
  }

  request(variable: RequestVariable): RequestReading {
    const values = requestValues(this.#request, variable)
    if (values !== 'ambiguous_request') return values
    this.#isAmbiguous = true
    return 'unusable'
  }

  /** Why a condition does not hold here; `undefined`: it does. */
  reasonAgainst(where: CompiledCondition): ConditionReason | undefined {
    this.#isAmbiguous = false
    const truth = where(this)
    switch (truth) {
      case 'true':
        return undefined
      case 'false':
        return 'condition_false'
      case 'unknown':
      case 'never_true':
        // Readers of the request may differ on something that the condition asked for.
        return this.#isAmbiguous ? 'ambiguous_request' : 'condition_unknown'
      case 'body_required':
      case 'never_false':
        return 'body_required'
      default:
        throw new Error(`unknown truth: ${truth satisfies never}`)
    }
  }
}
