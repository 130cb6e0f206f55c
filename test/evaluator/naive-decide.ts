import type { Caller, Operation, OrganizationRole, ServiceModel } from '../../src/evaluator/model.ts'

// The rules again, as plainly as they can be said: lists and loops, one template matched at a time. For models whose
// templates have whole segments only, without near misses.

interface Facts {
  readonly entitlement: readonly string[]
  readonly roles: readonly OrganizationRole[]
}

function matches(template: string, path: string): Readonly<Record<string, string>> | undefined {
  const parts = template.split('/')
  const given = path.split('/')
  if (parts.length !== given.length) return undefined
  const parameters: Record<string, string> = {}
  for (const [index, part] of parts.entries()) {
    const value = given[index] ?? ''
    if (part.startsWith('{')) parameters[part.slice(1, -1)] = value
    else if (part !== value) return undefined
  }
  return parameters
}

export function closure(model: ServiceModel, names: readonly string[]): ReadonlySet<string> {
  const all = new Set(names.filter((name) => model.roles.some((role) => role.name === name)))
  for (let size = -1; size !== all.size; ) {
    size = all.size
    for (const role of model.roles) if (all.has(role.name)) for (const name of role.include) all.add(name)
  }
  return all
}

function opens(model: ServiceModel, held: ReadonlySet<string>, { id, alternatives }: Operation): boolean {
  const named = model.roles.some(
    (role) => held.has(role.name) && role.allow.some(({ operations }) => operations.includes(id)),
  )
  return named || alternatives.some((names) => names.length > 0 && names.every((name) => held.has(name)))
}

/** The reason codes that are right: where templates overlap each operation must allow, and any that does not may be told. */
export function naiveDecide(
  model: ServiceModel,
  facts: Facts,
  caller: Caller,
  method: string,
  path: string,
): readonly string[] {
  const known = model.operations.flatMap((operation) => {
    const parameters = matches(operation.path, path)
    return parameters === undefined ? [] : [{ operation, parameters }]
  })
  const wanted = known.filter(({ operation }) => operation.method === method)
  const literal = wanted.filter(({ operation }) => operation.path === path)
  const found = literal.length > 0 ? literal : wanted
  if (found.length === 0) return [known.length === 0 ? 'unknown_operation' : 'method_not_allowed']
  if (found.every(({ operation }) => operation.public)) return ['public']

  const entitled = closure(model, facts.entitlement)
  const roles = caller.roles.filter((name) => entitled.has(name))
  const held = closure(model, roles)
  const own = facts.roles
    .filter((role) => caller.roles.includes(role.id) && role.organizationId === caller.organizationId)
    .map((role) => role.allow.flatMap(({ operations }) => operations))
    .map((ids) =>
      model.operations
        .filter((one) => ids.includes(one.id) && opens(model, entitled, one))
        .map(({ id }) => id),
    )
    .filter((ids) => ids.length > 0)
  const scope = caller.scope && closure(model, caller.scope)
  const passesByScope = (operation: Operation): boolean =>
    model.roles.some(
      (role) =>
        role.anyOrganization === true &&
        !role.grantable &&
        scope?.has(role.name) === true &&
        opens(model, closure(model, [role.name]), operation),
    )
  const reasonAgainst = ({ operation, parameters }: (typeof found)[number]): string | undefined => {
    if (operation.public) return undefined
    if (!opens(model, held, operation) && !own.some((ids) => ids.includes(operation.id)))
      return roles.length + own.length === 0 ? 'no_role' : 'operation_not_in_role'
    const isWithinScope = scope === undefined ? caller.kind === 'key' : opens(model, scope, operation)
    if (!isWithinScope) return 'insufficient_scope'
    const { organizationParameter } = operation
    if (organizationParameter === undefined || parameters[organizationParameter] === caller.organizationId)
      return undefined
    const passes = model.roles.some(
      (role) =>
        role.anyOrganization === true &&
        !role.grantable &&
        held.has(role.name) &&
        facts.entitlement.includes(role.name) &&
        (scope === undefined || passesByScope(operation)) &&
        opens(model, closure(model, [role.name]), operation),
    )
    return passes ? undefined : 'unknown_resource'
  }
  const reasons = found.map(reasonAgainst).filter((reason) => reason !== undefined)
  return reasons.length === 0 ? ['allowed'] : reasons
}
