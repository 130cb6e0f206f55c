import { DomainError } from '../errors.ts'
import { type Bits, emptyBits, hasBit, isWithin, noBits, setBit, unite } from './bits.ts'
import {
  compileStatements,
  type Opened,
  OpenedBuilder,
  openedTogether,
  unlimited,
} from './compile-statements.ts'
import type { Operation, ServiceModel, ServiceRole } from './model.ts'
import { type IndexedOperation, type PathTrie, pathTrie } from './path-trie.ts'
import { type ResourcePaths, resourcePaths } from './resource-path.ts'
import { commonFilter } from './response/common-filter.ts'
import { compileFilters, type Filters, noFilters } from './response/compile-filters.ts'
import type { Filter } from './response/response-filter.ts'

/** A set of roles held at once, and what they open. */
export interface HeldRoles extends Opened {
  /** They and all that they include, by index. */
  readonly closure: Bits
}

/** A service-defined role with all that it includes, and what holding it alone opens. */
export interface CompiledRole extends HeldRoles {
  readonly index: number
  readonly role: ServiceRole
}

/** One alternative of an operation that needs several roles at once. */
interface JointAlternative {
  readonly operation: number
  readonly roles: Bits
  /** What all of them show of it. Absent: all. */
  readonly filter: Filter | undefined
}

/** A service's model made ready to decide by. Plain data; what is made from it later is kept beside it. */
export interface CompiledModel {
  readonly model: ServiceModel
  readonly paths: PathTrie
  readonly operationsById: ReadonlyMap<string, IndexedOperation>
  readonly roles: readonly CompiledRole[]
  readonly rolesByName: ReadonlyMap<string, CompiledRole>
  readonly joint: readonly JointAlternative[]
  readonly resources: ResourcePaths
  /** What those hold who hold no role of the document. */
  readonly nothing: HeldRoles
  /** Roles that pass `x-latchkey-organization` for any organization: never one that a customer can hold. */
  readonly passing: readonly CompiledRole[]
}

/**
 * Makes a model ready to decide by; done once a document version.
 * @throws {DomainError} `document_refused` where two operations share an id or a place, or a path's template cannot
 * be told apart from others
 */
export function compileModel(model: ServiceModel): CompiledModel {
  const operations = model.operations.map((operation, index): IndexedOperation => ({ index, operation }))
  const operationsById = new Map(operations.map((indexed) => [indexed.operation.id, indexed]))
  if (operationsById.size < operations.length) throw refused('two operations have the same id')
  const indexes = new Map(model.roles.map((role, index) => [role.name, index]))
  if (indexes.size < model.roles.length) throw refused('two roles have the same name')
  const filters = model.roles.map(({ filter }) => compileFilters(operationsById, filter))
  const alone = filters.map((one) => new OpenedBuilder(operations.length, one))
  const joint = openByAlternatives(model.operations, indexes, alone, filters)
  const own = alone.map((builder, index) =>
    openedTogether(operations.length, [
      builder.opened(),
      compileStatements(operationsById, model.roles[index]?.allow ?? [], filters[index] ?? noFilters),
    ]),
  )
  const roles = model.roles.map((role, index): CompiledRole => {
    const closure = closureOf(model.roles, indexes, index)
    return { index, role, closure, ...openedBy(closure, own, joint, operations.length) }
  })
  const rolesByName = new Map(roles.map((compiled) => [compiled.role.name, compiled]))
  const paths = pathTrie(operations, model.basePaths, model.strictPaths === true)
  const passing = roles.filter(({ role }) => role.anyOrganization === true && !role.grantable)
  const resources = resourcePaths(model.operations)
  const nothing = { closure: emptyBits(roles.length), ...openedTogether(operations.length, []) }
  return { model, paths, operationsById, roles, rolesByName, joint, resources, nothing, passing }
}

function refused(why: string): DomainError {
  return new DomainError('document_refused', why)
}

/** Enters what one role alone opens into `own`; answers the alternatives that need several. */
function openByAlternatives(
  operations: readonly Operation[],
  indexes: ReadonlyMap<string, number>,
  own: readonly OpenedBuilder[],
  filters: readonly Filters[],
): readonly JointAlternative[] {
  const joint: JointAlternative[] = []
  for (const [operation, { alternatives }] of operations.entries())
    for (const alternative of alternatives) {
      const needed = new Set(alternative.map((name) => indexes.get(name)))
      const [first] = needed
      // An empty alternative opens nothing here: what is open to anybody says so itself (`public`).
      if (needed.has(undefined) || first === undefined) continue
      if (needed.size === 1) own[first]?.open(operation)
      else {
        const said = [...needed].flatMap((role) => filters[role ?? -1]?.get(operation) ?? [])
        const filter = said.length === 0 ? undefined : said.reduce(commonFilter)
        joint.push({ operation, roles: bitsOf(indexes.size, needed), filter })
      }
    }
  return joint
}

function bitsOf(size: number, members: Iterable<number | undefined>): Bits {
  const bits = noBits(size)
  for (const member of members) if (member !== undefined) setBit(bits, member)
  return bits
}

function closureOf(roles: readonly ServiceRole[], indexes: ReadonlyMap<string, number>, start: number): Bits {
  const closure = noBits(roles.length)
  const open = [start]
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (hasBit(closure, index)) continue
    setBit(closure, index)
    for (const name of roles[index]?.include ?? []) {
      const included = indexes.get(name)
      if (included !== undefined) open.push(included)
    }
  }
  return closure
}

function openedBy(
  held: Bits,
  own: readonly Opened[],
  joint: readonly JointAlternative[],
  operationCount: number,
): Opened {
  const members = own.filter((_, index) => hasBit(held, index))
  return openedTogether(operationCount, [jointlyOpened(held, joint, operationCount), ...members])
}

function jointlyOpened(held: Bits, joint: readonly JointAlternative[], operationCount: number): Opened {
  const building = new OpenedBuilder(operationCount, noFilters)
  for (const { operation, roles, filter } of joint)
    if (isWithin(roles, held)) building.open(operation, { ...unlimited, filter })
  return building.opened()
}

/** What roles held together open by alternatives that need several of them. */
export function openedJointly({ joint, operationsById }: CompiledModel, { closure }: HeldRoles): Opened {
  return jointlyOpened(closure, joint, operationsById.size)
}

/** What several roles open when they are held together; alternatives that need several are seen here. */
export function heldTogether(model: CompiledModel, roles: readonly CompiledRole[]): HeldRoles {
  const [only, ...others] = roles
  if (only === undefined) return model.nothing
  if (others.length === 0) return only
  const closure = noBits(model.roles.length)
  for (const role of roles) unite(closure, role.closure)
  const count = model.operationsById.size
  return { closure, ...openedTogether(count, [jointlyOpened(closure, model.joint, count), ...roles]) }
}
