import type { Denied } from '../verdict.ts'
import type { Giving, Obstacle, Step } from './obstacle.ts'
import type { ReadSituation } from './situation.ts'
import { resourceSteps } from './steps-on-resource.ts'
import { entitlementSteps, roleSteps, scopeSteps } from './steps-on-roles.ts'
import { statementSteps } from './steps-on-statement.ts'
import type { TriedSide } from './tried.ts'
import { passesOrganization, tryOperations } from './try-operations.ts'

/** Steps that may take away what a request was denied for; the least that is given comes first. */
export function stepsOn(giving: Giving, situation: ReadSituation, denied: Denied): readonly Step[] {
  const tried = tryOperations(giving.model, situation).find(({ match, reason }) =>
    denied.operation === undefined
      ? false
      : match.indexed.operation === denied.operation && reason === denied.reason,
  )
  if (tried?.of === undefined) return []
  return stepsFor({ giving, situation, tried, of: tried.of, denied })
}

function stepsFor(obstacle: Obstacle): readonly Step[] {
  const { tried, denied } = obstacle
  switch (denied.reason) {
    case 'no_role':
    case 'operation_not_in_role':
      return roleSteps(obstacle)
    case 'insufficient_scope':
      return scopeSteps(obstacle)
    case 'unknown_resource':
      return passesOrganization(tried) ? resourceSteps(obstacle) : []
    case 'field_not_allowed':
    case 'condition_false':
    case 'condition_unknown':
    case 'tag_mismatch':
    case 'body_required':
      return tried.sides.filter(({ allows }) => !allows).flatMap((side) => sideSteps(obstacle, side))
    default:
      return []
  }
}

/** So many statements are looked at for what would have them allow. */
const statementsMax = 20

function sideSteps(obstacle: Obstacle, side: TriedSide): readonly Step[] {
  const tried = side.roles.flatMap((role) => role.tried).slice(0, statementsMax)
  const ofStatements = tried.flatMap((one) => statementSteps(obstacle, one))
  return [...ofStatements, ...anotherOf(obstacle, side.kind)]
}

/** What else could allow in place of the statements that do not. */
function anotherOf(obstacle: Obstacle, kind: TriedSide['kind']): readonly Step[] {
  switch (kind) {
    case 'roles':
      return roleSteps(obstacle)
    case 'scope':
      return scopeSteps(obstacle)
    case 'entitlement':
      return entitlementSteps(obstacle)
    default:
      throw new Error(`unknown side: ${kind satisfies never}`)
  }
}
