import { hasBit } from './bits.ts'
import type { Circumstances } from './circumstances.ts'
import type { CompiledStatement, Opened } from './compile-statements.ts'
import { matchesAllTags } from './compiled-resource.ts'
import type { Grant } from './grant.ts'
import { type Candidate, type Side, statementsFor } from './granted-role.ts'
import type { DenialReason } from './model.ts'
import type { RequestAtHand } from './request/request-at-hand.ts'
import { type Filter, type ResponseFilter, uniteFilters } from './response/response-filter.ts'

const nothing: readonly CompiledStatement[] = []

/** The statements of the roles that name an operation. */
export function sideOfRoles({ roles }: Grant, index: number): Side {
  const only = roles.length === 1 ? roles[0] : undefined
  return only === undefined ? roles.flatMap((role) => statementsFor(role, index)) : statementsFor(only, index)
}

const nowhere: readonly Side[] = []

/** Those of what bounds the roles. What a bound opens without a condition, it bounds no further. */
export function boundsOf({ entitled, scope }: Grant, index: number): readonly Side[] {
  const isEntitled = hasBit(entitled.plain, index)
  const isInScope = scope === undefined || hasBit(scope.plain, index)
  if (isEntitled && isInScope) return nowhere
  const bounds = [...(isEntitled ? [] : [entitled]), ...(isInScope ? [] : [scope])]
  return bounds.map((one) => boundBy(one, index))
}

const bound = { role: undefined }

function boundBy({ limited }: Opened, index: number): Side {
  const statements = limited.get(index) ?? nothing
  return statements.map((one) => ({ ...one, by: bound, matchesTags: false }))
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

/** Step 4: the statements of a side whose fields hold all of the request, and those of which only the body will tell. */
export function withinFields(side: Side, request: RequestAtHand): Side | Reason {
  if (!nameFields(side)) return side
  const left: Candidate[] = []
  const against: Reason[] = []
  for (const candidate of side) {
    const verdict = candidate.fields?.verdict(request) ?? 'within'
    if (verdict === 'within' || verdict === 'body_required') left.push(candidate)
    else against.push(verdict)
  }
  return left.length === 0 ? firstReason(against) : left
}

/** The same of each of several sides. */
export function withinFieldsOnAll(sides: readonly Side[], request: RequestAtHand): readonly Side[] | Reason {
  if (!sides.some(nameFields)) return sides
  const left: Side[] = []
  for (const side of sides) {
    const within = withinFields(side, request)
    if (typeof within === 'string') return within
    left.push(within)
  }
  return left
}

function nameFields(side: Side): boolean {
  for (const { fields } of side) if (fields !== undefined) return true
  return false
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
  let against: Reason | undefined
  let filters: Set<Filter> | undefined
  let first: Candidate | undefined
  for (const candidate of side) {
    const reason = reasonAgainst(candidate, circumstances)
    if (reason !== undefined) against = against === undefined ? reason : firstReason([against, reason])
    else if (candidate.filter === undefined) return candidate.by
    else {
      first ??= candidate
      filters ??= new Set()
      filters.add(candidate.filter)
    }
  }
  if (first === undefined || filters === undefined) return against ?? 'condition_unknown'
  return { ...first.by, filter: united(filters) }
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

/**
 * Step 6 for one statement: what is against it whatever the body holds comes before a body that is not at hand.
 * @param candidate one that step 4 has left
 */
export function reasonAgainst(candidate: Candidate, circumstances: Circumstances): Reason | undefined {
  const reason = beyondFields(candidate, circumstances)
  if (reason !== undefined || candidate.fields === undefined) return reason
  return circumstances.isAllAtHand ? undefined : 'body_required'
}

function beyondFields(candidate: Candidate, circumstances: Circumstances): Reason | undefined {
  if (candidate.where !== undefined) return circumstances.reasonAgainst(candidate.where)
  const { resource, principalTags } = circumstances
  // Another organization's tags are its own words: what it shares, it has shared by an access tag.
  if (!candidate.matchesTags || resource?.kind !== 'owned') return undefined
  return matchesAllTags(resource.of, principalTags) ? undefined : 'tag_mismatch'
}
