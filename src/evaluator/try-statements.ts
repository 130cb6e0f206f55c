import { hasBit } from './bits.ts'
import { type CompiledStatement, type Opened, unlimited } from './compile-statements.ts'
import { matchesAllTags } from './compiled-resource.ts'
import type { KnownResource } from './find-resource.ts'
import type { Grant } from './grant.ts'
import type { Caller, DenialReason } from './model.ts'
import type { RequestAtHand } from './request/request-at-hand.ts'
import { requestValues } from './request/request-values.ts'
import { type Filter, type ResponseFilter, uniteFilters } from './response/response-filter.ts'
import type { RequestVariable } from './where/condition.ts'
import type { ConditionFacts, RequestReading } from './where/condition-facts.ts'
import type { TagSet } from './where/tag-set.ts'

/** One statement that names an operation, on its way through the procedure. */
export interface Candidate extends CompiledStatement {
  /** Absent where only several roles together open the operation. */
  readonly role: string | undefined
  /** Without `where`, all tags of a resource must match the principal's: as roles are meant, not what bounds them. */
  readonly matchesTags: boolean
}

/** Statements of which one must allow: the roles', and those of what bounds them, the entitlement and the scope. */
export type Side = readonly Candidate[]

const nothing: readonly CompiledStatement[] = []

/** The statements on every side that name an operation, the roles' first. */
export function sidesOf(grant: Grant, index: number): readonly [Side, ...Side[]] {
  const roles = grant.roles.flatMap((role) => candidates(role, index, { role: role.name, matchesTags: true }))
  const bounds = [grant.entitled, ...(grant.scope === undefined ? [] : [grant.scope])]
  // What a bound opens without a condition, it bounds no further.
  const limiting = bounds.filter(({ plain }) => !hasBit(plain, index))
  return [roles, ...limiting.map((one) => candidates(one, index, bound))]
}

const bound = { role: undefined, matchesTags: false } as const

function candidates(
  { plain, limited }: Opened,
  index: number,
  as: Pick<Candidate, 'role' | 'matchesTags'>,
): Candidate[] {
  const all = (limited.get(index) ?? nothing).map((one) => ({ ...one, ...as }))
  return hasBit(plain, index) ? [{ ...unlimited, ...as }, ...all] : all
}

/** Why a side does not allow: of several reasons, that which more knowledge could still turn comes first. */
const reasons = [
  'body_required',
  'ambiguous_request',
  'field_not_allowed',
  'condition_unknown',
  'condition_false',
  'tag_mismatch',
] as const satisfies readonly DenialReason[]
type Reason = (typeof reasons)[number]

function firstReason(several: readonly Reason[]): Reason {
  return reasons.find((reason) => several.includes(reason)) ?? 'condition_unknown'
}

/** Step 4: the statements of a side whose fields hold all of the request. */
export function withinFields(side: Side, request: RequestAtHand): Side | Reason {
  if (side.every(({ fields }) => fields === undefined)) return side
  const left: Candidate[] = []
  const against: Reason[] = []
  for (const candidate of side) {
    const verdict = candidate.fields?.verdict(request) ?? 'within'
    if (verdict === 'within') left.push(candidate)
    else against.push(verdict)
  }
  return left.length === 0 ? firstReason(against) : left
}

/** What conditions and tags are held against. */
export interface Circumstances {
  readonly caller: Caller
  readonly principalTags: TagSet
  readonly request: RequestAtHand
  /** `undefined`: the operation has none, or the API knows it. */
  readonly resource: KnownResource | undefined
}

/** What allows an operation. */
export interface Opening {
  readonly role?: string | undefined
  /** What is shown of the response. Absent: all. */
  readonly filter?: ResponseFilter | undefined
}

/**
 * Step 6: the first statement of a side that allows and shows the whole response. If there is none, the first one that
 * allows, with the filters of all that do united. Else why none does.
 */
export function openingOf(side: Side, circumstances: Circumstances): Opening | Reason {
  const against: Reason[] = []
  const filters = new Set<Filter>()
  let first: Candidate | undefined
  for (const candidate of side) {
    const reason = reasonAgainst(candidate, circumstances)
    if (reason !== undefined) against.push(reason)
    else if (candidate.filter === undefined) return { role: candidate.role }
    else {
      first ??= candidate
      filters.add(candidate.filter)
    }
  }
  return first === undefined ? firstReason(against) : { role: first.role, filter: united(filters) }
}

const unitedAlone = new WeakMap<Filter, ResponseFilter>()

function united(filters: ReadonlySet<Filter>): ResponseFilter | undefined {
  const [first, ...others] = filters
  if (first === undefined) return undefined
  if (others.length > 0) return uniteFilters([first, ...others])
  const known = unitedAlone.get(first)
  if (known !== undefined) return known
  const alone = uniteFilters([first])
  unitedAlone.set(first, alone)
  return alone
}

function reasonAgainst(candidate: Candidate, circumstances: Circumstances): Reason | undefined {
  if (candidate.where !== undefined) return reasonOfCondition(candidate.where, circumstances)
  const { resource, principalTags } = circumstances
  // Another organization's tags are its own words: what it shares, it has shared by an access tag.
  if (!candidate.matchesTags || resource?.kind !== 'owned') return undefined
  return matchesAllTags(resource.of, principalTags) ? undefined : 'tag_mismatch'
}

function reasonOfCondition(
  where: NonNullable<CompiledStatement['where']>,
  circumstances: Circumstances,
): Reason | undefined {
  const facts = new Facts(circumstances)
  const truth = where(facts)
  switch (truth) {
    case 'true':
      return undefined
    case 'false':
      return 'condition_false'
    case 'unknown':
      return facts.isAmbiguous ? 'ambiguous_request' : 'condition_unknown'
    case 'body_required':
      return truth
    default:
      throw new Error(`unknown truth: ${truth satisfies never}`)
  }
}

class Facts implements ConditionFacts {
  readonly resourceTags: TagSet | undefined
  readonly principalTags: TagSet
  readonly principal: Caller
  readonly #request: RequestAtHand
  /** Readers of the request may differ on something that the condition asked for. */
  isAmbiguous = false

  constructor({ caller, principalTags, request, resource }: Circumstances) {
    this.resourceTags = resource?.of.tags
    this.principalTags = principalTags
    this.principal = caller
    this.#request = request
  }

  request(variable: RequestVariable): RequestReading {
    const values = requestValues(this.#request, variable)
    if (values !== 'ambiguous_request') return values
    this.isAmbiguous = true
    return 'unusable'
  }
}
