import { z } from 'zod'
import type { DecisionId, ServiceId } from '../ids.ts'
import type { Collection, Stored } from '../storage/ports.ts'

export const outcomes = ['allowed', 'denied', 'not_recorded'] as const
export type Outcome = (typeof outcomes)[number]

/** Why decisions are missing: reasons of the outcome `not_recorded`. */
export type LossReason = 'guard_queue_full' | 'over_quota'

/** A decision of a guard, as it is kept; or, with the outcome `not_recorded`, how many were not. */
export interface RecordedDecision extends Stored {
  /** The id that the answer carried; says when. */
  readonly id: DecisionId
  readonly serviceId: ServiceId
  /**
   * An organization sees what its own callers did. What no token was valid for, or a caller of an organization that may
   * use nothing of the service, is the service's owner's to see, and kept there.
   */
  readonly seenBy: 'organization_and_owner' | 'owner'
  readonly outcome: Outcome
  readonly reason: string
  /** How many decisions it stands for: 1, unless they were not recorded. */
  readonly count: number
  readonly method?: string | undefined
  readonly operation?: string | undefined
  readonly path?: string | undefined
  readonly resource?: Readonly<Record<string, string>> | undefined
  readonly principal?: DecidedPrincipal
  readonly role?: string | undefined
}

interface DecidedPrincipal {
  readonly kind: 'key' | 'user'
  readonly id: string
  readonly organizationId: string
  readonly clientId: string
}

type KeysOf = (decision: RecordedDecision) => readonly string[]

/** Whom a decision is found by: the caller, or the app that acts for them. */
const principalsOf: KeysOf = ({ principal }) =>
  principal === undefined ? [] : [principal.id, principal.clientId]
const operationOf: KeysOf = ({ operation }) => (operation === undefined ? [] : [operation])

const inOrganization = (keys: KeysOf) => ({
  keys: (decision: RecordedDecision) => (decision.seenBy === 'owner' ? [] : keys(decision)),
})
const ofService = (keys: KeysOf) => ({
  keys: (decision: RecordedDecision) => keys(decision).map((key) => serviceKey(decision.serviceId, key)),
  deploymentWide: true as const,
})

/** What a list across organizations is found by. */
export function serviceKey(serviceId: ServiceId, key: string): string {
  return `${serviceId} ${key}`
}

export const decisions: Collection<RecordedDecision> = {
  name: 'decisions',
  appendOnly: true,
  schema: z.custom<RecordedDecision>((value) => typeof value === 'object' && value !== null),
  indexes: {
    all: inOrganization(() => ['']),
    principal: inOrganization(principalsOf),
    operation: inOrganization(operationOf),
    reason: inOrganization(({ reason }) => [reason]),
    outcome: inOrganization(({ outcome }) => [outcome]),
    service_all: ofService(() => ['']),
    service_principal: ofService(principalsOf),
    service_operation: ofService(operationOf),
    service_reason: ofService(({ reason }) => [reason]),
    service_outcome: ofService(({ outcome }) => [outcome]),
  },
}
