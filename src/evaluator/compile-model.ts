import { DomainError } from '../errors.ts'
import { type Bits, hasBit, isWithin, noBits, setBit, unite } from './bits.ts'
import { compileStatements, type Opened, openedTogether } from './compile-statements.ts'
import type { Operation, ServiceModel, ServiceRole } from './model.ts'
import { type IndexedOperation, type PathTrie, pathTrie } from './path-trie.ts'
import { type ResourcePaths, resourcePaths } from './resource-path.ts'

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
  const alone = model.roles.map(() => noBits(operations.length))
  const joint = openByAlternatives(model.operations, indexes, alone)
  const own = model.roles.map((role, index) =>
    openedTogether(alone[index] ?? noBits(operations.length), [
      compileStatements(operationsById, role.allow),
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
  return { model, paths, operationsById, roles, rolesByName, joint, resources, passing }
}

function refused(why: string): DomainError {
  return new DomainError('document_refused', why)
}

/** Enters what one role alone opens into `own`; answers the alternatives that need several. */
function openByAlternatives(
  operations: readonly Operation[],
  indexes: ReadonlyMap<string, number>,
  own: readonly Bits[],
): readonly JointAlternative[] {
  const joint: JointAlternative[] = []
  for (const [operation, { alternatives }] of operations.entries())
    for (const alternative of alternatives) {
      const needed = new Set(alternative.map((name) => indexes.get(name)))
      const [first] = needed
      // An empty alternative opens nothing here: what is open to anybody says so itself (`public`).
      if (needed.has(undefined) || first === undefined) continue
      const ownBits = own[first]
      if (needed.size === 1 && ownBits !== undefined) setBit(ownBits, operation)
      else joint.push({ operation, roles: bitsOf(indexes.size, needed) })
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
  return openedTogether(jointlyOpened(held, joint, operationCount), members)
}

function jointlyOpened(held: Bits, joint: readonly JointAlternative[], operationCount: number): Bits {
  const bits = noBits(operationCount)
  for (const { operation, roles } of joint) if (isWithin(roles, held)) setBit(bits, operation)
  return bits
}

/** What several roles open when they are held together; alternatives that need several are seen here. */
export function heldTogether(model: CompiledModel, roles: readonly CompiledRole[]): HeldRoles {
  const [only, ...others] = roles
  if (only !== undefined && others.length === 0) return only
  const closure = noBits(model.roles.length)
  for (const role of roles) unite(closure, role.closure)
  const jointly = jointlyOpened(closure, model.joint, model.operationsById.size)
  return { closure, ...openedTogether(jointly, roles) }
}
