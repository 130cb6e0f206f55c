import type { ServiceModel, ServiceRole } from '../evaluator/model.ts'

/** The roles themselves and all that they include, at any depth. Unknown names give nothing. */
function closureOf(model: ServiceModel, roleNames: Iterable<string>): ReadonlySet<string> {
  const byName = new Map<string, ServiceRole>(model.roles.map((role) => [role.name, role]))
  const found = new Set<string>()
  const ahead = [...roleNames]
  for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
    const role = byName.get(next)
    if (role === undefined || found.has(next)) continue
    found.add(next)
    ahead.push(...role.include)
  }
  return found
}

/**
 * The operations that service-defined roles give together: those of their statements, and those of which an
 * alternative names only scopes among them. Public operations are nobody's to give.
 */
export function operationsOf(model: ServiceModel, roleNames: Iterable<string>): ReadonlySet<string> {
  const held = closureOf(model, roleNames)
  const opened = model.operations.filter(({ alternatives }) =>
    alternatives.some((scopes) => scopes.every((scope) => held.has(scope))),
  )
  const stated = model.roles
    .filter(({ name }) => held.has(name))
    .flatMap(({ allow }) => allow.flatMap(({ operations }) => operations))
  return new Set([...opened.map(({ id }) => id), ...stated])
}
