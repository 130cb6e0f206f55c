import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { OrganizationId, RoleId } from '../ids.ts'
import type { EndHolders, HoldersOf } from '../roles/holders.ts'
import { endInPages } from '../storage/in-pages.ts'
import { type Records, update } from '../storage/ports.ts'
import { type ClientKey, clientKeys } from './client-key.ts'
import { revoked } from './revoke-client-key.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
}

const pageSize = 100

/** The keys that hold an organization-defined role; revoked ones hold nothing. */
export function keysHolding(records: Records): HoldersOf {
  return async (organizationId, roleId, limit) => {
    const keys = await records.list(organizationId, clientKeys, 'role', roleId, { limit })
    return keys.map(({ id, name }) => ({ kind: 'client_key', id, name }))
  }
}

/** Revokes the keys of a deleted role. They were refused from its commit on; this tells each one's own trail. */
export function revokeHolders(deps: Deps): EndHolders {
  return (organizationId, roleId, by) =>
    endInPages(
      () => deps.records.list(organizationId, clientKeys, 'role', roleId, { limit: pageSize }),
      ([first, ...others]) => revokePage(deps, by, { organizationId, roleId, first, others }),
    )
}

interface PageOfKeys {
  readonly organizationId: OrganizationId
  readonly roleId: RoleId
  readonly first: ClientKey
  readonly others: readonly ClientKey[]
}

async function revokePage(
  deps: Deps,
  by: Actor,
  { organizationId, roleId, first, others }: PageOfKeys,
): Promise<void> {
  const nowMs = deps.clock()
  const details = { reason: 'role_deleted', role: roleId }
  const told = ({ id }: ClientKey) =>
    ({ type: 'client_key.revoked', organizationId, target: id, by, details }) as const
  await deps.commit(
    [told(first), ...others.map(told)],
    // One entry for the role has ended all of their tokens already.
    [first, ...others].map((before) => update(clientKeys, before, revoked(before, nowMs, 'role_deleted'))),
  )
}
