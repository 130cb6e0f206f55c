import type { EpochMs } from '../clock.ts'
import { type DecisionId, idsFrom, type OrganizationId, type ServiceId } from '../ids.ts'
import type { TrailPage, Trails } from '../storage/ports.ts'
import { decisions, type Outcome, type RecordedDecision, serviceKey } from './recorded-decision.ts'

export interface DecisionFilter {
  /** The one that the answer carried. */
  readonly decision?: DecisionId | undefined
  /** Who called, or the app that acted for them. */
  readonly principal?: string | undefined
  readonly operation?: string | undefined
  readonly reason?: string | undefined
  readonly outcome?: Outcome | undefined
  readonly service?: ServiceId | undefined
  /** From this time on. */
  readonly from?: EpochMs | undefined
  /** Before this time. */
  readonly to?: EpochMs | undefined
}

/** Whose: what an organization's own callers did, or what a service's guards decided. */
export type DecisionsOf =
  | { readonly kind: 'organization'; readonly organizationId: OrganizationId }
  | { readonly kind: 'service'; readonly serviceId: ServiceId }

interface DecisionPage {
  readonly items: readonly RecordedDecision[]
  readonly nextCursor: string | null
}

/** So many are looked at for one page: with several filters at once it may have fewer items than asked for. */
const lookedAtMax = 2_000
const lookedAtOnce = 200

/**
 * Newest first. Found by one filter, the narrowest, as the store has it; what else is asked for is looked for among those.
 */
export async function listDecisions(
  trails: Pick<Trails, 'list' | 'listAcross'>,
  of: DecisionsOf,
  filter: DecisionFilter,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<DecisionPage> {
  const { index, key, matches, isExact } = foundBy(filter)
  // One more than is shown: only then is it known whether there is a next page.
  const stretch = isExact ? limit + 1 : lookedAtOnce
  const read = (page: TrailPage) =>
    of.kind === 'organization'
      ? trails.list(of.organizationId, decisions, index, key, page)
      : trails.listAcross(decisions, `service_${index}`, serviceKey(of.serviceId, key), page)
  const from = filter.decision ?? (filter.from === undefined ? undefined : idsFrom('dec', filter.from))
  let before = earliest(cursor, endOf(filter))
  const items: RecordedDecision[] = []
  for (let lookedAt = 0; lookedAt < lookedAtMax; lookedAt += stretch) {
    const found = await read({ limit: stretch, ...defined({ before, from }) })
    for (const decision of found) {
      if (items.length === limit) return { items, nextCursor: before ?? null }
      before = decision.id
      if (matches(decision)) items.push(decision)
    }
    if (found.length < stretch) return { items, nextCursor: null }
  }
  return { items, nextCursor: before ?? null }
}

const narrowestFirst = ['principal', 'reason', 'operation', 'outcome'] as const

function foundBy(filter: DecisionFilter) {
  const [index, ...others] = narrowestFirst.filter((name) => filter[name] !== undefined)
  const isExact = others.length === 0 && filter.service === undefined
  const matches = ({ principal, reason, operation, outcome, serviceId }: RecordedDecision) =>
    isOneOf(filter.principal, principal?.id, principal?.clientId) &&
    isOneOf(filter.reason, reason) &&
    isOneOf(filter.operation, operation) &&
    isOneOf(filter.outcome, outcome) &&
    isOneOf(filter.service, serviceId)
  return {
    index: index ?? 'all',
    key: (index === undefined ? undefined : filter[index]) ?? '',
    matches,
    isExact,
  }
}

function isOneOf(wanted: string | undefined, ...values: readonly (string | undefined)[]): boolean {
  return wanted === undefined || values.includes(wanted)
}

function endOf({ decision, to }: DecisionFilter): string | undefined {
  // After the one id itself, and before any other.
  if (decision !== undefined) return `${decision}0`
  return to === undefined ? undefined : idsFrom('dec', to)
}

function earliest(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one < other ? one : other
}

function defined({ before, from }: { before: string | undefined; from: string | undefined }) {
  return { ...(before === undefined ? {} : { before }), ...(from === undefined ? {} : { from }) }
}
