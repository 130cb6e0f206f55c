import { DomainError } from '../errors.ts'
import { LimitComparison } from '../evaluator/compare-limits.ts'
import { type Limits, limitsIn } from '../evaluator/limits.ts'
import { didYouMean } from '../evaluator/nearest.ts'
import { limitsOfRoles, limitsOfRolesTogether } from '../evaluator/role-limits.ts'
import { parseId } from '../ids.ts'
import { type Giver, outsideOfGiving } from '../services/giving.ts'
import { compiledModelOf, withoutWhereIn } from '../services/operations-of.ts'
import type { Records } from '../storage/ports.ts'
import type { Ground } from './ground.ts'
import { roles } from './role.ts'

/**
 * Checks that the giver may give this role on this ground: the one rule for giving.
 * @param role the name of a service-defined role, or the id of an organization-defined one
 * @param pointer where in the body the role was named
 * @throws {DomainError} `role_not_found` if there is none on this service, `role_not_grantable` if it may not be given
 */
export async function checkGiving(
  records: Records,
  ground: Ground,
  giver: Giver,
  role: string,
  pointer = '/role',
): Promise<void> {
  const limits = await limitsToGive(records, ground, role, pointer)
  const given = [...limits].flatMap(([operationId, several]) =>
    several.map((one) => ({ operationId, limits: one })),
  )
  const outside = outsideOfGiving(giver, ground.service.id, ground.operations, given)
  const [first] = outside
  if (first === undefined) return
  const sameReason = outside.filter(({ reason }) => reason === first.reason)
  const beyond = [...new Set(sameReason.map(({ given: { operationId } }) => operationId))]
  throw first.reason === 'not_held'
    ? notGrantable(
        { role, pointer },
        'it allows operations that you do not hold yourself, or not so far',
        'ask somebody who may grant roles',
        beyond,
      )
    : notGrantable(
        { role, pointer },
        "it allows operations outside of the organization's entitlement",
        'take them out of the role, or ask the operator to entitle the organization to them',
        beyond,
      )
}

/** What somebody holds of a service, before and after a role of it is given. */
interface Held {
  readonly before: readonly string[]
  readonly after: readonly string[]
}

/**
 * The same of what roles allow only together: each may be one that the giver may give, and what they come to not. Within
 * the entitlement each decision sees to it that they stay.
 * @param pointer where in the body the last one was named
 * @throws {DomainError} `role_not_grantable`
 */
export function checkGivingTogether(
  { service }: Ground,
  giver: Giver,
  { before, after }: Held,
  pointer: string,
): void {
  if (giver.mayGrantRoles) return
  const model = compiledModelOf(service.model)
  const had = limitsOfRoles(model, before)
  const comparison = new LimitComparison()
  const withoutWhere = withoutWhereIn(service.model)
  const gained = [...limitsOfRolesTogether(model, after)].flatMap(([id, several]) =>
    several.some((limits) => isGained(id, limits)) ? [id] : [],
  )
  if (gained.length === 0) return
  const role = after.filter((name) => !before.includes(name)).join(', ')
  const why = 'together with what is held already it allows operations that you do not hold yourself'
  throw notGrantable({ role, pointer }, why, 'ask somebody who may grant roles', gained)

  function isGained(id: string, limits: Limits): boolean {
    if (comparison.isWithinAny(limits, had.get(id) ?? [], withoutWhere(id))) return false
    return !giver.holds(service.id, id, limits)
  }
}

async function limitsToGive(
  records: Records,
  ground: Ground,
  role: string,
  pointer: string,
): Promise<ReadonlyMap<string, readonly Limits[]>> {
  const { organization, service, entitled } = ground
  const id = parseId('rol', role)
  if (id !== undefined) {
    const found = await records.find(organization.id, roles, id)
    if (found?.serviceId !== service.id) throw roleNotFound(ground, { role, pointer })
    return limitsIn(found.allow, found.filter)
  }
  if (!service.model.roles.some(({ name }) => name === role)) throw roleNotFound(ground, { role, pointer })
  if (!entitled.includes(role))
    throw notGrantable(
      { role, pointer },
      "it is outside of the organization's entitlement",
      `its roles on ${service.slug}: ${entitled.join(', ') || 'none'}`,
    )
  return limitsOfRoles(compiledModelOf(service.model), [role])
}

/** A role as it was asked for, and where. */
interface Named {
  readonly role: string
  readonly pointer: string
}

function roleNotFound({ service, entitled }: Ground, { role, pointer }: Named): DomainError {
  const fix =
    didYouMean(role, entitled) ?? 'name a role of the service, or give the id of one of your own (rol_…)'
  return new DomainError('role_not_found', `${service.slug} has no such role`, {
    faults: [{ pointer, detail: `names no role of ${service.slug}`, fix }],
  })
}

function notGrantable(
  { role, pointer }: Named,
  why: string,
  fix: string,
  operations: readonly string[] = [],
): DomainError {
  const shown = operations.slice(0, 20)
  return new DomainError('role_not_grantable', `the role ${role} cannot be given: ${why}`, {
    fix,
    faults: [{ pointer, detail: why, fix }],
    ...(shown.length === 0 ? {} : { data: { operations: shown } }),
  })
}
