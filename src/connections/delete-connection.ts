import type { Actor, Commit } from '../audit/record.ts'
import type { ConnectionId, OrganizationId } from '../ids.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, remove } from '../storage/ports.ts'
import { connections, getConnection } from './connection.ts'
import { connectionTests } from './connection-test.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

/**
 * Its people stay, with the roles and tags that it gave them; they sign in another way, or not at all.
 * @throws {DomainError} `connection_not_found`, `precondition_failed`, `conflict`
 */
export async function deleteConnection(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  id: ConnectionId,
  { ifMatch }: { readonly ifMatch?: number | undefined },
): Promise<void> {
  const connection = await getConnection(deps.records, organizationId, id)
  expectVersion(connection, ifMatch)
  const test = await deps.records.find(organizationId, connectionTests, id)
  const { name, issuer } = connection
  await deps.commit(
    { type: 'connection.deleted', organizationId, target: id, by, details: { name, issuer } },
    [remove(connections, connection), ...(test === undefined ? [] : [remove(connectionTests, test)])],
  )
}
