import { type CompiledModel, type CompiledRole, type HeldRoles, heldTogether } from './compile-model.ts'
import { compileStatements, type Opened } from './compile-statements.ts'
import { type GrantedRole, grantedRole } from './granted-role.ts'
import type { OrganizationRole, Statement } from './model.ts'
import { compileFilters, noFilters } from './response/compile-filters.ts'

export interface CompiledEntitlement extends HeldRoles {
  /** Names of the roles that it names itself, not through `include`. */
  readonly named: ReadonlySet<string>
}

/** What was made from frozen objects by one model, for as long as they live, for all callers whom they concern. */
interface Made {
  readonly entitlements: WeakMap<readonly string[], CompiledEntitlement>
  readonly statements: WeakMap<readonly Statement[], Opened>
  readonly roles: WeakMap<OrganizationRole | CompiledRole, GrantedRole>
}

const madeBy = new WeakMap<CompiledModel, Made>()

function madeOf(model: CompiledModel): Made {
  const known = madeBy.get(model)
  if (known !== undefined) return known
  const made: Made = { entitlements: new WeakMap(), statements: new WeakMap(), roles: new WeakMap() }
  madeBy.set(model, made)
  return made
}

/** An entitlement to a role is one to all that the role includes: that is what the role is. */
export function entitlementOf(model: CompiledModel, entitlement: readonly string[]): CompiledEntitlement {
  const { entitlements } = madeOf(model)
  const known = entitlements.get(entitlement)
  if (known !== undefined) return known
  const roles = entitlement.flatMap((name) => model.rolesByName.get(name) ?? [])
  const entitled = { ...heldTogether(model, roles), named: new Set(entitlement) }
  entitlements.set(entitlement, entitled)
  return entitled
}

export function openedByStatements(model: CompiledModel, allow: readonly Statement[]): Opened {
  const { statements } = madeOf(model)
  const known = statements.get(allow)
  if (known !== undefined) return known
  const opened = compileStatements(model.operationsById, allow, noFilters)
  statements.set(allow, opened)
  return opened
}

export function serviceRole(model: CompiledModel, role: CompiledRole): GrantedRole {
  const { roles } = madeOf(model)
  const known = roles.get(role)
  if (known !== undefined) return known
  const made = grantedRole(role, role.role.name)
  roles.set(role, made)
  return made
}

/** Whatever the entitlement is. */
export function organizationRole(model: CompiledModel, role: OrganizationRole): GrantedRole {
  const { roles } = madeOf(model)
  const known = roles.get(role)
  if (known !== undefined) return known
  const { operationsById } = model
  const opened = compileStatements(operationsById, role.allow, compileFilters(operationsById, role.filter))
  const made = grantedRole(opened, role.id)
  roles.set(role, made)
  return made
}
