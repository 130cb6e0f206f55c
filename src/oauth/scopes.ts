import type { CompiledModel } from '../evaluator/compile-model.ts'
import { operationsOf } from '../evaluator/grant.ts'
import type { ServiceModel } from '../evaluator/model.ts'
import type { Organization } from '../organizations/organization.ts'
import type { Role } from '../roles/role.ts'
import { entitledRoles, entitlements } from '../services/entitlement.ts'
import { compiledModelOf } from '../services/operations-of.ts'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'

/** What a key may do now, as far as scopes ask. */
export interface Holding {
  /** The name of its service-defined role, or its organization-defined one. */
  readonly role: string | Pick<Role, 'allow'>
  /** Names of the service-defined roles that its organization may use. */
  readonly entitlement: readonly string[]
}

/**
 * The first of the scopes that a key may not ask for. A scope narrows the key's role and never adds to it: it must be
 * delegable, open something that the role opens too, and nothing that the role does not, within the entitlement. One
 * that opens nothing by itself must be part of the role by name.
 */
function scopeBeyond(
  compiled: CompiledModel,
  scopes: Iterable<string>,
  holding: Holding,
): string | undefined {
  const { role, entitlement } = holding
  const held = operationsOf(compiled, typeof role === 'string' ? role : role.allow, entitlement)
  const names = typeof role === 'string' ? includedRoles(compiled.model, role) : new Set<string>()
  for (const scope of scopes) {
    if (compiled.rolesByName.get(scope)?.role.delegable !== true) return scope
    const opened = operationsOf(compiled, scope, [scope])
    const isWithin = opened.size === 0 ? names.has(scope) : [...opened].every((id) => held.has(id))
    if (!isWithin) return scope
  }
  return undefined
}

/** A role and all that it includes. */
export function includedRoles(model: ServiceModel, role: string): ReadonlySet<string> {
  const found = new Set([role])
  // A set is walked to its end, with what is added on the way.
  for (const name of found)
    for (const inner of model.roles.find((one) => one.name === name)?.include ?? []) found.add(inner)
  return found
}

/** A role that is about to be used, in whose name. */
export interface UsedRole {
  readonly organization: Organization
  /** The name of a service-defined role, or the organization-defined one. */
  readonly role: string | Pick<Role, 'allow'>
}

/** The first of the scopes asked for that the role may not be narrowed to; `undefined`: all of them may be. */
export async function refusedScope(
  records: Records,
  service: Service,
  { organization, role }: UsedRole,
  scopes: Iterable<string>,
): Promise<string | undefined> {
  const entitlement = await records.find(organization.id, entitlements, service.id)
  return scopeBeyond(compiledModelOf(service.model), scopes, {
    role,
    entitlement: entitledRoles(service.model, organization, entitlement),
  })
}
