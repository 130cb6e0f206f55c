import { z } from 'zod'
import type { Clock, EpochMs } from '../clock.ts'
import type { EventId, NewId, OrganizationId } from '../ids.ts'
import { type Change, type Collection, type CommitChanges, insert, type Stored } from '../storage/ports.ts'
import type { EventType } from './catalogue.ts'

/** Who makes a change, and through which request. */
export interface Actor {
  readonly kind: 'key' | 'user' | 'system'
  readonly id: string
  /** The actor's own organization: the operator's, when it works on a customer's. */
  readonly organizationId: OrganizationId
  readonly requestId: string
  /** The client's address by trusted hop. */
  readonly address?: string
}

/** What happened to what, in whose organization; becomes an audit event when it is committed. */
export interface Happening {
  readonly type: EventType
  /** Whose audit trail tells it. */
  readonly organizationId: OrganizationId
  /** The id of what was changed or looked at. */
  readonly target: string
  readonly by: Actor
  /** What a reader needs to understand it: names, old and new values. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>
}

export interface AuditEvent extends Stored {
  readonly id: EventId
  readonly type: EventType
  readonly at: EpochMs
  readonly target: string
  readonly by: Actor
  readonly details: Readonly<Record<string, unknown>>
}

export const auditEvents: Collection<AuditEvent> = {
  name: 'audit_events',
  appendOnly: true,
  schema: z.custom<AuditEvent>((value) => typeof value === 'object' && value !== null),
  indexes: {
    all: { keys: () => [''] },
    type: { keys: (event) => [event.type] },
    target: { keys: (event) => [event.target] },
  },
}

/** The only `commit` that a domain is given: an unrecorded change cannot be written. Errors as `CommitChanges`. */
export type Commit = (
  happening: Happening | readonly [Happening, ...Happening[]],
  changes: readonly Change[],
) => Promise<void>

/**
 * The `commit` of a store as domains are given it: each happening becomes an event of the same moment.
 * @param onCommitted told of each once it is stored, on this node alone
 */
export function recorder(
  commit: CommitChanges,
  clock: Clock,
  newId: NewId,
  onCommitted: (happening: Happening) => void = () => {},
): Commit {
  return async (happening, changes) => {
    const happenings = isList(happening) ? happening : [happening]
    const at = clock()
    const [first, ...others] = happenings.map((one) => insert(auditEvents, eventOf(one, at, newId)))
    if (first === undefined) throw new Error('a commit needs a happening')
    await commit([first, ...others, ...changes])
    happenings.forEach(onCommitted)
  }
}

function isList(happening: Happening | readonly Happening[]): happening is readonly Happening[] {
  return Array.isArray(happening)
}

function eventOf(happening: Happening, at: EpochMs, newId: NewId): AuditEvent {
  const { type, organizationId, target, by, details = {} } = happening
  return { id: newId('evt'), organizationId, version: 1, type, at, target, by, details }
}
