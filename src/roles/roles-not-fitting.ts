import type { Fault } from '../errors.ts'
import { LimitComparison } from '../evaluator/compare-limits.ts'
import type { FilterStatement, Operation, ServiceModel, Statement } from '../evaluator/model.ts'
import { Pace } from '../services/pace.ts'
import { type FilterGroundOfRole, looksMax, readFilterStatement } from '../services/read-filter.ts'
import { readStatement, type StatementGround, statementGround } from '../services/read-statement.ts'
import type { Fitted, RolesNotFitting, UnfitRole, UnfitRoles } from '../services/unfit-roles.ts'
import { locatedInPages } from '../storage/in-pages.ts'
import type { Records } from '../storage/ports.ts'
import { type Role, roles } from './role.ts'

/** What is looked at before a document is replaced: some seconds, in pieces of some milliseconds. */
const atMost = { roles: 5_000, characters: 10_000_000 }
/** What to look for what was meant costs, as so many characters. */
const charactersPerFault = 2_000
/** So does a look at what responses hold. */
const charactersPerLook = 0.5
const listedMax = 100
const faultsMax = 20
const pageSize = 200

/**
 * Which organization-defined roles a new document breaks; those that are broken already are not told of again.
 * @param max what is looked at, by its number and not by the clock: a confirmation is of what was told before
 */
export function rolesNotFitting(records: Records, max = atMost): RolesNotFitting {
  return async (serviceId, now, next) => {
    const looking = new Looking(now, next, new Pace(max.characters))
    const unfit: UnfitRole[] = []
    const found = (others: UnfitRoles['others']): UnfitRoles => ({ roles: unfit, others })
    const ofService = locatedInPages((page) => records.locate(roles, 'service', serviceId, page), pageSize)
    let seen = 0
    for await (const places of ofService) {
      if (seen >= max.roles) return found('not_looked_at')
      for (const { organizationId, id } of places) {
        const role = await records.find(organizationId, roles, id)
        const faults = role === undefined ? [] : await looking.newFaults(role)
        if (faults === 'too_much') return found('not_looked_at')
        if (role === undefined || faults.length === 0) continue
        if (unfit.length === listedMax) return found('not_listed')
        unfit.push({ organizationId, roleId: role.id, name: role.name, faults: faults.slice(0, faultsMax) })
      }
      seen += places.length
    }
    return found('none')
  }
}

/** A statement or a filter, and how to read it. */
interface Part {
  readonly written: Statement | FilterStatement
  readonly changed: Changed
  readonly faultsOn: (ground: RoleGround) => readonly Fault[]
}

type RoleGround = StatementGround & Pick<FilterGroundOfRole, 'responses' | 'left'>

/** For one role. */
interface Grounds {
  readonly before: RoleGround
  readonly after: RoleGround
}

/** Ids of operations. Absent: all of them. */
type Changed = ReadonlySet<string> | undefined

/** Looks at one role after the other, in pieces. */
class Looking {
  readonly #before: Omit<RoleGround, 'left'>
  readonly #after: Omit<RoleGround, 'left'>
  /** Operations of which something is said otherwise that statements are held against, and that filters are. */
  readonly #changed: { readonly forStatements: Changed; readonly forFilters: Changed }
  readonly #pace: Pace

  constructor(now: Fitted, next: Fitted, pace: Pace) {
    this.#before = groundOf(now)
    this.#after = groundOf(next)
    const [one, other] = [now.model, next.model]
    const changed = one.resources === other.resources ? changedOperations(one, other) : undefined
    this.#changed = { forStatements: changed, forFilters: answersAlike(now, next) ? changed : undefined }
    this.#pace = pace
  }

  /** The faults that a role has by the next document alone, or that there were too many roles to look at. */
  async newFaults({ allow, filter = [] }: Role): Promise<readonly Fault[] | 'too_much'> {
    const faults: Fault[] = []
    const grounds: Grounds = {
      before: { ...this.#before, left: { looks: looksMax } },
      after: { ...this.#after, left: { looks: looksMax } },
    }
    const named = new Set(allow.flatMap(({ operations }) => operations))
    const parts: readonly Part[] = [
      ...allow.map((written, i): Part => {
        const place = `/allow/${i}`
        const changed = this.#changed.forStatements
        return { written, changed, faultsOn: (ground) => faultsOfStatement(written, ground, place) }
      }),
      ...filter.map((written, i): Part => {
        const place = `/filter/${i}`
        const changed = this.#changed.forFilters
        return { written, changed, faultsOn: (ground) => faultsOfFilter(written, named, ground, place) }
      }),
    ]
    for (const part of parts) {
      const found = await this.#newFaultsOf(part, grounds)
      if (found === 'too_much') return found
      faults.push(...found)
      if (faults.length >= faultsMax) break
    }
    return faults
  }

  async #newFaultsOf(
    { written, changed, faultsOn }: Part,
    grounds: Grounds,
  ): Promise<readonly Fault[] | 'too_much'> {
    const characters = charactersOf(written)
    // It came out of the store.
    if (!(await this.#pace.goesOn(characters >> 4))) return 'too_much'
    if (changed !== undefined && !written.operations.some((id) => changed.has(id))) return []
    if (!(await this.#pace.goesOn(characters))) return 'too_much'
    const left = looksLeft(grounds)
    const found = faultsOn(grounds.after)
    const before = found.length === 0 ? [] : faultsOn(grounds.before)
    const known = new Set(before.map(({ pointer }) => pointer))
    const goesOn = await this.#pace.goesOn(
      (found.length + known.size) * charactersPerFault + (left - looksLeft(grounds)) * charactersPerLook,
    )
    return goesOn ? found.filter(({ pointer }) => !known.has(pointer)) : 'too_much'
  }
}

function looksLeft({ before, after }: Grounds): number {
  return before.left.looks + after.left.looks
}

/** No document makes a condition one that can never hold: that is not looked for. */
function groundOf({ model: { operations, resources }, responses }: Fitted): Omit<RoleGround, 'left'> {
  return { ...statementGround(operations, resources ?? 'api'), comparison: new LimitComparison(0), responses }
}

function answersAlike(now: Fitted, next: Fitted): boolean {
  return now.responses === next.responses || JSON.stringify(now.responses) === JSON.stringify(next.responses)
}

/** Operations of which something changes but the words. What is said of others fits as it did, or as little. */
function changedOperations(now: ServiceModel, next: ServiceModel): ReadonlySet<string> {
  const [before, after] = [now, next].map(({ operations }) => new Map(operations.map(described)))
  const ids = new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])
  return new Set([...ids].filter((id) => before?.get(id) !== after?.get(id)))
}

function described({ summary: _summary, ...operation }: Operation): readonly [string, string] {
  return [operation.id, JSON.stringify(operation)]
}

function faultsOfStatement(statement: Statement, ground: StatementGround, place: string): readonly Fault[] {
  return [...readStatement(statement, ground, place).faults, ...renamedFaults(statement, ground, place)]
}

function faultsOfFilter(
  filter: FilterStatement,
  named: ReadonlySet<string>,
  ground: RoleGround,
  place: string,
): readonly Fault[] {
  const allowed = new Set([...named].flatMap((id) => ground.names.find(id)?.operation.id ?? []))
  const { faults } = readFilterStatement(filter, { ...ground, allowed }, place)
  return [...faults, ...renamedFaults(filter, ground, place)]
}

/** An operation without an `operationId` is kept by its method and path, which still find it once it has one. */
function renamedFaults(
  { operations }: Statement | FilterStatement,
  { names }: StatementGround,
  place: string,
): readonly Fault[] {
  return operations.flatMap((id, i) => {
    const found = names.find(id)?.operation
    if (found === undefined || found.id === id) return []
    const detail = `no operation ${id}: it is called ${found.id}`
    return [{ pointer: `${place}/operations/${i}`, detail, fix: 'save the role again' }]
  })
}

function charactersOf(written: Statement | FilterStatement): number {
  const { operations, fields = [] } = written
  const where = 'where' in written ? (written.where ?? '') : ''
  return [...operations, ...fields].reduce((sum, text) => sum + text.length, where.length)
}
