import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { NewId, OrganizationId, RoleId } from '../ids.ts'
import { revoke } from '../revocations/revocation.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, remove } from '../storage/ports.ts'
import type { EndHolders, Holder, HoldersOf } from './holders.ts'
import { getRole, type Role, roles } from './role.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
  readonly holdersOf: readonly HoldersOf[]
  readonly endHolders: readonly EndHolders[]
}

/** So many are named when a held role is refused to be deleted. */
const holdersShownMax = 100

/**
 * Without `cascade` a role that is held stays. With it, one commit ends the role and every token that names it, so all
 * that hold it stop at once; keys are revoked and users lose it afterwards, an event each.
 * @throws {DomainError} `role_not_found`, `role_held` (its data lists the first 100 holders), `precondition_failed`, `conflict`
 */
export async function deleteRole(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  id: RoleId,
  { cascade, ifMatch }: { readonly cascade: boolean; readonly ifMatch?: number | undefined },
): Promise<void> {
  const role = await getRole(deps.records, organizationId, id)
  expectVersion(role, ifMatch)
  const holders = await holdersOf(deps, role)
  if (holders.length > 0 && !cascade) throw roleHeld(role, holders)
  const { name, serviceId, allow } = role
  const details = { name, service_id: serviceId, allow, cascade }
  await deps.commit({ type: 'role.deleted', organizationId, target: id, by, details }, [
    remove(roles, role),
    revoke(deps.newId, deps.clock(), { organizationId, serviceId, ended: { kind: 'role', roleId: id } }),
  ])
  // Also without `cascade`: a key may have been given the role since the holders were read.
  for (const endHolders of deps.endHolders) await endHolders(organizationId, id, by)
}

async function holdersOf(deps: Deps, { organizationId, id }: Role): Promise<readonly Holder[]> {
  const lists = await Promise.all(deps.holdersOf.map((ask) => ask(organizationId, id, holdersShownMax)))
  return lists.flat().slice(0, holdersShownMax)
}

function roleHeld(role: Role, holders: readonly Holder[]): DomainError {
  const many = holders.length === holdersShownMax ? `${holdersShownMax} or more` : `${holders.length}`
  return new DomainError('role_held', `${role.name} is held by ${many}`, {
    fix: 'give the holders another role first, or repeat with cascade=true: then keys are revoked, users lose it and assumptions end, at once',
    data: { holders },
  })
}
