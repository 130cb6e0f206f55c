import { compileModel } from '../../src/evaluator/compile-model.ts'
import { type DecisionFacts, grantOf } from '../../src/evaluator/grant.ts'
import type { Caller, OrganizationRole, ServiceModel } from '../../src/evaluator/model.ts'
import type { Row } from './table.ts'

const roleCount = 1_000
const statementsPerRole = 20
const msMax = 500

/** Everything that a guard compiles of a model and of roles that say conditions of their own, each for the first time. */
export function measureCompilation(model: ServiceModel): Row {
  const made = Array.from({ length: roleCount }, (_, i) => roleAt(model, i))
  // As they come: text by text, and not in the pieces that they were made of, which would first have to be joined.
  const roles: typeof made = JSON.parse(JSON.stringify(made))
  const byId = new Map(roles.map((role) => [role.id, role]))
  const entitlement = model.roles.map((role) => role.name)
  const facts: DecisionFacts = {
    role: (id) => byId.get(id) ?? null,
    entitlement: () => entitlement,
    resource: () => null,
  }
  const began = performance.now()
  const compiled = compileModel(model)
  for (const { id, organizationId } of roles) {
    const caller: Caller = { kind: 'key', id: `key_of_${id}`, organizationId, roles: [id] }
    if (!('operations' in grantOf(compiled, facts, caller))) throw new Error('a fact was not at hand')
  }
  const ms = performance.now() - began
  return {
    what: `compile ${model.operations.length} operations and ${roleCount.toLocaleString('en')} roles of ${statementsPerRole} statements, a condition each`,
    figure: `${Math.round(ms)} ms`,
    bar: `< ${msMax} ms`,
    met: ms < msMax,
  }
}

function roleAt({ operations }: ServiceModel, i: number): OrganizationRole {
  const allow = Array.from({ length: statementsPerRole }, (_, nth) => ({
    operations: [operations[(i * statementsPerRole + nth) % operations.length]?.id ?? ''],
    where: `$resourceTags:env IN ('stage-${i}', 'prod') AND $resourceTags:team = $principalTags:team-${nth}`,
  }))
  return { id: `rol_${i}`, organizationId: 'org_bench', allow }
}
