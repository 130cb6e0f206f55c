import type { Fault } from '../errors.ts'
import type { ServiceModel } from '../evaluator/model.ts'
import { readFilters } from '../services/read-filter.ts'
import { readEachStatement, type StatementGround, statementGround } from '../services/read-statement.ts'
import type { RolesNotFitting, UnfitRole } from '../services/unfit-roles.ts'
import { cursorOf, type Records } from '../storage/ports.ts'
import { operationsIn } from './read-role-content.ts'
import { type Role, roles } from './role.ts'

/** As many are looked at before a document is replaced: some seconds. */
const lookedAtMax = 5_000
const listedMax = 100
const faultsMax = 20
const pageSize = 200

/** Which organization-defined roles a new document breaks; those that are broken already are not told of again. */
export function rolesNotFitting(records: Records): RolesNotFitting {
  return async (serviceId, now, next) => {
    const [before, after] = [groundOf(now), groundOf(next)]
    const unfit: UnfitRole[] = []
    let cursor: string | undefined
    for (let seen = 0; seen < lookedAtMax; ) {
      const page = { limit: pageSize, ...(cursor === undefined ? {} : { after: cursor }) }
      const places = await records.locate(roles, 'service', serviceId, page)
      for (const { organizationId, id } of places) {
        const role = await records.find(organizationId, roles, id)
        const faults = role === undefined ? [] : newFaults(role, before, after)
        if (role === undefined || faults.length === 0) continue
        if (unfit.length === listedMax) return { roles: unfit, areMore: true }
        unfit.push({ organizationId, roleId: role.id, name: role.name, faults: faults.slice(0, faultsMax) })
      }
      const last = places.at(-1)
      if (last === undefined || places.length < pageSize) return { roles: unfit, areMore: false }
      cursor = cursorOf(last)
      seen += places.length
    }
    return { roles: unfit, areMore: true }
  }
}

function groundOf({ operations, resources }: ServiceModel): StatementGround {
  return statementGround(operations, resources ?? 'api')
}

function newFaults(role: Role, before: StatementGround, after: StatementGround): readonly Fault[] {
  const found = faultsOf(role, after)
  if (found.length === 0) return found
  const known = new Set(faultsOf(role, before).map(({ pointer }) => pointer))
  return found.filter(({ pointer }) => !known.has(pointer))
}

function faultsOf({ allow, filter }: Role, ground: StatementGround): readonly Fault[] {
  const { statements, faults } = readEachStatement(allow, ground, '/allow')
  if (filter === undefined) return faults
  const named = operationsIn(statements.map(({ statement }) => statement))
  return [...faults, ...readFilters(filter, ground.names, named, '/filter').faults]
}
