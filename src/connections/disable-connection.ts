import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { ConnectionId, OrganizationId } from '../ids.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import { type Connection, connections, getConnection } from './connection.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
}

/**
 * Nobody signs in through it any more; who is signed in stays so.
 * @throws {DomainError} `connection_not_found`, `precondition_failed`, `conflict`
 */
export async function disableConnection(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  id: ConnectionId,
  { ifMatch }: { readonly ifMatch?: number | undefined },
): Promise<Connection> {
  const before = await getConnection(deps.records, organizationId, id)
  expectVersion(before, ifMatch)
  if (before.state.kind === 'disabled') return before
  const state = { kind: 'disabled', disabledAt: deps.clock() } as const
  const after: Connection = { ...before, state, version: before.version + 1 }
  const details = { name: before.name }
  await deps.commit({ type: 'connection.disabled', organizationId, target: id, by, details }, [
    update(connections, before, after),
  ])
  return after
}
