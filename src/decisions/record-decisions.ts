import type { Clock, EpochMs } from '../clock.ts'
import { DomainError, type Fault } from '../errors.ts'
import { type DecisionId, idsFrom, type OrganizationId, parseId, timeOf } from '../ids.ts'
import type { DecisionBatch, WireDecision } from '../sdk/decision-batch.ts'
import { findEntitled } from '../services/find-entitled.ts'
import type { Service } from '../services/service.ts'
import type { Records, Trails } from '../storage/ports.ts'
import { decisions, type LossReason, type RecordedDecision } from './recorded-decision.ts'

/** How much is kept of each organization at each service, in a window of time. */
interface DecisionQuota {
  take(key: string): { readonly isSpent: boolean }
  giveBack(key: string): void
}

export interface RecordDeps {
  /** The cached ones: each organization of a batch is looked up. */
  readonly records: Records
  readonly trails: Pick<Trails, 'append'>
  readonly clock: Clock
  readonly quota: DecisionQuota
}

/** What became of a batch. */
interface Taken {
  readonly recorded: number
  /** Had come before. */
  readonly repeated: number
  readonly overQuota: number
}

/** The clocks of guards may be so far ahead. */
const clocksApartMs = 300_000

/**
 * Keeps what a guard of the service has decided; a batch that comes again changes nothing. The service is the guard's own,
 * whatever the batch says. A decision is listed in the caller's organization only if that organization may use the service:
 * otherwise with the service's owner alone, so that a guard writes into no organization that its service has nothing to do
 * with. What is over an organization's quota at the service is counted, not kept.
 * @throws {DomainError} `invalid_request` for an id of a time to come, `store_unavailable`
 */
export async function recordDecisions(
  deps: RecordDeps,
  service: Service,
  { decisions: told, lost }: DecisionBatch,
): Promise<Taken> {
  const ids = readIds([...told.map(({ id }) => id), ...(lost === undefined ? [] : [lost.id])], deps.clock())
  const customers = await usersOf(deps.records, service, told)
  const kept: RecordedDecision[] = []
  const over = new Map<string, RecordedDecision>()
  for (const [i, decision] of told.entries()) {
    const recorded = recordOf(service, ids[i], decision, customers)
    if (!deps.quota.take(quotaKey(recorded)).isSpent) kept.push(recorded)
    else countOver(over, recorded)
  }
  const missing = lost === undefined ? [] : [lossOf(service, ids[told.length], lost.count)]
  const added = await deps.trails.append(decisions, [...kept, ...over.values(), ...missing])
  const isNew = new Set(added)
  for (const recorded of kept) if (!isNew.has(recorded)) deps.quota.giveBack(quotaKey(recorded))
  const recorded = kept.filter((one) => isNew.has(one)).length
  return { recorded, repeated: kept.length - recorded, overQuota: told.length - kept.length }
}

/** Forgets what was decided longer ago. */
export async function forgetDecisions(
  trails: Pick<Trails, 'forget'>,
  nowMs: EpochMs,
  keptMs: number,
): Promise<void> {
  await trails.forget(decisions, idsFrom('dec', nowMs - keptMs))
}

function readIds(texts: readonly string[], nowMs: EpochMs): readonly (DecisionId | undefined)[] {
  const ids = texts.map((text) => parseId('dec', text))
  const faults: Fault[] = []
  for (const [i, id] of ids.entries())
    if (id !== undefined && timeOf(id) > nowMs + clocksApartMs) faults.push(inTimeToCome(i))
  if (faults.length > 0)
    throw new DomainError('invalid_request', 'Decisions are told of that cannot have been made yet.', {
      faults: faults.slice(0, 20),
    })
  return ids
}

function inTimeToCome(i: number): Fault {
  const fix = "Set the clock of the guard's machine."
  return { pointer: `/decisions/${i}/id`, detail: 'is of a time to come', fix }
}

/** Those of the organizations that the callers name which may use the service. */
async function usersOf(
  records: Records,
  service: Service,
  told: readonly WireDecision[],
): Promise<ReadonlyMap<string, OrganizationId>> {
  const named = new Set(told.flatMap(({ principal }) => principal?.organization_id ?? []))
  const found = new Map<string, OrganizationId>()
  await Promise.all(
    [...named].map(async (text) => {
      const entitled = await findEntitled(records, service, text)
      if (entitled !== undefined) found.set(text, entitled.organization.id)
    }),
  )
  return found
}

function recordOf(
  service: Service,
  id: DecisionId | undefined,
  { id: text, principal, reason, ...rest }: WireDecision,
  customers: ReadonlyMap<string, OrganizationId>,
): RecordedDecision {
  if (id === undefined) throw new DomainError('invalid_request', `${text} is no id of a decision`)
  const customer = principal && customers.get(principal.organization_id)
  return {
    ...{ id, version: 1, serviceId: service.id, ...rest, reason, count: 1 },
    organizationId: customer ?? service.organizationId,
    seenBy: customer === undefined ? 'owner' : 'organization_and_owner',
    outcome: reason === 'allowed' || reason === 'public' ? 'allowed' : 'denied',
    ...(principal === undefined
      ? {}
      : {
          principal: {
            ...{ kind: principal.kind, id: principal.id },
            ...{ organizationId: principal.organization_id, clientId: principal.client_id },
          },
        }),
  }
}

function quotaKey({ organizationId, serviceId, seenBy }: RecordedDecision): string {
  return `${organizationId} ${serviceId} ${seenBy}`
}

/** One entry for all of them, under the id of the first: that one is not kept, and a repeat of the batch has it, too. */
function countOver(over: Map<string, RecordedDecision>, recorded: RecordedDecision): void {
  const { id, version, organizationId, serviceId, seenBy } = recorded
  const key = quotaKey(recorded)
  const count = (over.get(key)?.count ?? 0) + 1
  const first = over.get(key) ?? { id, version, organizationId, serviceId, seenBy, ...loss('over_quota') }
  over.set(key, { ...first, count })
}

function lossOf(service: Service, id: DecisionId | undefined, count: number): RecordedDecision {
  if (id === undefined) throw new DomainError('invalid_request', 'what was lost has no id')
  const { id: serviceId, organizationId } = service
  return { id, version: 1, organizationId, serviceId, seenBy: 'owner', ...loss('guard_queue_full'), count }
}

function loss(reason: LossReason) {
  return { outcome: 'not_recorded', reason, count: 0 } as const
}
