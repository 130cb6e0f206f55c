import type { Actor, Commit } from '../audit/record.ts'
import { DomainError } from '../errors.ts'
import type { ConnectionId, OrganizationId } from '../ids.ts'
import type { Giver } from '../services/giving.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import { type Connection, connections, getConnection } from './connection.ts'
import { checkGivingConnection } from './giving-to-connections.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

/**
 * From here on people of the organization's domains are sent to it; with `required` they sign in no other way.
 * @throws {DomainError} `connection_not_found`, `connection_state` if it was not tested as it is now, `role_not_grantable`,
 * `precondition_failed`, `conflict`
 */
export async function activateConnection(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  id: ConnectionId,
  {
    enforcement,
    ifMatch,
  }: { readonly enforcement: 'offered' | 'required'; readonly ifMatch?: number | undefined },
): Promise<Connection> {
  const before = await getConnection(deps.records, organizationId, id)
  expectVersion(before, ifMatch)
  if (before.state.kind === 'active' && before.state.enforcement === enforcement) return before
  if (before.testedAt === undefined) throw untested(before)
  await checkGivingConnection(deps.records, giver, before)
  const state = { kind: 'active', enforcement } as const
  const after: Connection = { ...before, state, version: before.version + 1 }
  const details = { name: before.name, from: before.state, to: state }
  await deps.commit({ type: 'connection.activated', organizationId, target: id, by, details }, [
    update(connections, before, after),
  ])
  return after
}

function untested({ name }: Connection): DomainError {
  return new DomainError('connection_state', `${name} has not been tested as it is now`, {
    fix: 'test it: open the address that the test answers, sign in there, and look at the result',
  })
}
