import type { Commit } from '../audit/record.ts'
import type { EndHolders, HoldersOf } from '../roles/holders.ts'
import { endInPages } from '../storage/in-pages.ts'
import { type Records, update } from '../storage/ports.ts'
import { type Connection, connections } from './connection.ts'
import type { Mapping } from './mapping.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

const pageSize = 100

/** The connections whose mapping gives an organization-defined role. */
export function connectionsGiving(records: Records): HoldersOf {
  return async (organizationId, roleId, limit) => {
    const found = await records.list(organizationId, connections, 'role', roleId, { limit })
    return found.map(({ id, name }) => ({ kind: 'connection', id, name }))
  }
}

/** Takes a deleted role out of the mappings. It was worth nothing from its commit on. */
export function takeFromMappings({ records, commit }: Deps): EndHolders {
  return (organizationId, roleId, by) =>
    endInPages(
      () => records.list(organizationId, connections, 'role', roleId, { limit: pageSize }),
      ([first, ...others]) => {
        const taken = (one: Connection) => withoutRoles(one, ({ role }) => role === roleId)
        const told = (one: Connection) => {
          const details = { from: one.mapping, to: taken(one).mapping, reason: 'role_deleted', role: roleId }
          return { type: 'connection.changed', organizationId, target: one.id, by, details } as const
        }
        return commit(
          [told(first), ...others.map(told)],
          [first, ...others].map((before) => update(connections, before, taken(before))),
        )
      },
    )
}

/** The connection with some roles out of its mapping. */
export function withoutRoles(
  connection: Connection,
  isGone: (given: Mapping['defaultRoles'][number]) => boolean,
): Connection {
  const { roles, defaultRoles } = connection.mapping
  const mapping: Mapping = {
    ...connection.mapping,
    roles: roles.filter((one) => !isGone(one)),
    defaultRoles: defaultRoles.filter((one) => !isGone(one)),
  }
  return { ...connection, mapping, version: connection.version + 1 }
}
