import { type Bits, hasBit, noBits, unite } from '../bits.ts'
import type { CompiledModel, CompiledRole } from '../compile-model.ts'
import { isOrganizationDefined } from '../grant.ts'
import type { Obstacle, Step } from './obstacle.ts'

/** So many roles are tried: those that open the fewest operations. */
const rolesMax = 4

/** Another role, within the entitlement; if there is none, one that the organization must be let use first. */
export function roleSteps(obstacle: Obstacle): readonly Step[] {
  const { giving, of, tried } = obstacle
  const isHeld = (name: string) => of.caller.roles.includes(name)
  const candidates = opening(giving.model, tried.match.indexed.index).filter(
    ({ role }) => role.grantable && !isHeld(role.name),
  )
  const entitled = entitledRoles(obstacle)
  const within = candidates.filter(({ index }) => hasBit(entitled, index))
  const give = within.slice(0, rolesMax).map(({ role }): Step => [{ kind: 'give_role', role: role.name }])
  const beyond = candidates
    .filter(({ index }) => !hasBit(entitled, index))
    .slice(0, within.length > 0 ? 0 : 2)
  return [
    ...notEntitled(obstacle),
    ...give,
    ...ownRoles(obstacle),
    ...beyond.map(
      ({ role }): Step => [
        { kind: 'entitle', role: role.name },
        { kind: 'give_role', role: role.name },
      ],
    ),
  ]
}

/** Held already, and of no use while the organization may not use them. */
function notEntitled(obstacle: Obstacle): readonly Step[] {
  const { of, giving, tried } = obstacle
  const { index, operation } = tried.match.indexed
  const named = of.caller.roles.flatMap((name) => giving.model.rolesByName.get(name) ?? [])
  const entitled = entitledRoles(obstacle)
  const held = named.filter((role) => hasBit(role.operations, index) && !hasBit(entitled, role.index))
  const own = of.caller.roles.some((id) => {
    const role = isOrganizationDefined(id) ? obstacle.situation.facts.role(id) : undefined
    return role?.allow.some(({ operations }) => operations.includes(operation.id)) === true
  })
  return [
    ...held.map(({ role }): Step => [{ kind: 'entitle', role: role.name }]),
    ...(own && !hasBit(of.grant.entitled.operations, index) ? entitlementSteps(obstacle) : []),
  ]
}

function ownRoles({ giving, of, situation, tried }: Obstacle): readonly Step[] {
  const { id } = tried.match.indexed.operation
  const naming = giving.ownRoles.filter((role) => {
    const allow = of.caller.roles.includes(role) ? [] : (situation.facts.role(role)?.allow ?? [])
    return allow.some(({ operations }) => operations.includes(id))
  })
  return naming.slice(0, rolesMax).map((role) => [{ kind: 'give_role', role }])
}

/** Roles that open the operation and are not in the entitlement. */
export function entitlementSteps(obstacle: Obstacle): readonly Step[] {
  const { giving, tried } = obstacle
  const entitled = entitledRoles(obstacle)
  return opening(giving.model, tried.match.indexed.index)
    .filter(({ role, index }) => role.grantable && !hasBit(entitled, index))
    .slice(0, rolesMax)
    .map(({ role }) => [{ kind: 'entitle', role: role.name }])
}

/** The scopes that are told to be needed, or another scope: of a machine, one within its role. */
export function scopeSteps(obstacle: Obstacle): readonly Step[] {
  const { giving, of, tried, denied } = obstacle
  const { caller } = of
  const has = new Set(caller.scope)
  const entitled = entitledRoles(obstacle)
  const needed = (denied.neededScopes ?? []).filter((name) => !has.has(name))
  const candidates = opening(giving.model, tried.match.indexed.index).filter(
    ({ role, index }) =>
      !has.has(role.name) &&
      hasBit(entitled, index) &&
      (role.delegable || (caller.kind === 'key' && caller.roles.includes(role.name))) &&
      !(needed.length === 1 && needed[0] === role.name),
  )
  return [
    ...(needed.length === 0 ? [] : [needed.map((scope) => ({ kind: 'add_scope' as const, scope }))]),
    ...candidates.slice(0, rolesMax).map(({ role }): Step => [{ kind: 'add_scope', scope: role.name }]),
  ]
}

/** Roles that the organization may use, by index. */
function entitledRoles({ situation, of, giving }: Obstacle): Bits {
  const bits = noBits(giving.model.roles.length)
  for (const name of situation.facts.entitlement(of.caller.organizationId) ?? []) {
    const role = giving.model.rolesByName.get(name)
    if (role !== undefined) unite(bits, role.closure)
  }
  return bits
}

/** Roles that open an operation by themselves, those that open the fewest first. */
function opening({ roles }: CompiledModel, index: number): readonly CompiledRole[] {
  return roles
    .filter(({ operations }) => hasBit(operations, index))
    .map((role) => [role, countOf(role.operations)] as const)
    .sort(([, one], [, other]) => one - other)
    .map(([role]) => role)
}

function countOf(bits: Bits): number {
  let count = 0
  for (let index = 0; index < bits.length * 32; index++) if (hasBit(bits, index)) count++
  return count
}
