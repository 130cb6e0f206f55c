import { operationsOf } from '../evaluator/grant.ts'
import { commandClientId, parseId } from '../ids.ts'
import { roles } from '../roles/role.ts'
import { entitledRoles, entitlements } from '../services/entitlement.ts'
import { compiledModelOf } from '../services/operations-of.ts'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'
import { identityScopes, isIdentityScope } from './identity-scopes.ts'
import { type Person, rolesOn } from './people.ts'
import { includedRoles } from './scopes.ts'

/** Scopes of the service that apps may ask for. */
export function delegableScopes(service: Service): readonly string[] {
  return service.model.roles.filter(({ delegable }) => delegable).map(({ name }) => name)
}

/**
 * Scopes of the service that the app may ask for. The deployment's own command may ask its operator's people for what no
 * other app may: the roles that act for any organization.
 * @param listed those that an app which registered itself has named; an organization's own key may ask for all
 */
export function scopesOpenTo(
  service: Service,
  clientId: string,
  listed: readonly string[] | undefined,
): readonly string[] {
  const isOwn = service.kind === 'system' && clientId === commandClientId
  const open = service.model.roles.filter(
    ({ name, delegable, anyOrganization }) =>
      (delegable && (listed?.includes(name) ?? true)) || (isOwn && anyOrganization),
  )
  return open.map(({ name }) => name)
}

/** What a scope allows, in words: the document's own, else what its operations are called there. */
export function wordsOf({ model }: Service, scope: string): string {
  const identity = identityScopes[scope]
  if (isIdentityScope(scope) && identity !== undefined) return identity
  const described = model.roles.find(({ name }) => name === scope)?.description
  if (described !== undefined && described !== '') return described
  const opened = operationsOf(compiledModelOf(model), scope, [scope])
  const summaries = model.operations.flatMap(({ id, summary }) =>
    opened.has(id) && summary ? [summary] : [],
  )
  const shown = summaries.slice(0, summariesMax).join('; ')
  return summaries.length > summariesMax
    ? `${shown}; and ${summaries.length - summariesMax} more`
    : shown || scope
}

const summariesMax = 4

/**
 * Those of the scopes of which the person can use anything: a scope opens nothing that the person's own roles, within
 * the organization's entitlement, do not.
 */
export async function usableScopes(
  records: Records,
  service: Service,
  person: Person,
  scopes: readonly string[],
): Promise<readonly string[]> {
  const { organization } = person
  const entitlement = await records.find(organization.id, entitlements, service.id)
  const entitled = entitledRoles(service.model, organization, entitlement)
  const compiled = compiledModelOf(service.model)
  const operations = new Set<string>()
  const names = new Set<string>()
  for (const name of rolesOn(service, person)) {
    const roleId = parseId('rol', name)
    const role = roleId && (await records.find(organization.id, roles, roleId))
    const held = roleId === undefined ? name : role?.serviceId === service.id ? role.allow : []
    for (const id of operationsOf(compiled, held, entitled)) operations.add(id)
    if (roleId === undefined && entitled.includes(name))
      for (const inner of includedRoles(service.model, name)) names.add(inner)
  }
  return scopes.filter((scope) => {
    const opened = operationsOf(compiled, scope, [scope])
    // One that no app may ask for is of use to nobody but who holds it.
    const isOwn = compiled.rolesByName.get(scope)?.role.delegable === false
    return opened.size === 0 || isOwn ? names.has(scope) : [...opened].some((id) => operations.has(id))
  })
}
