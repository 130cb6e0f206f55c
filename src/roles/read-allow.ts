import { DomainError, type Fault } from '../errors.ts'
import type { Statement } from '../evaluator/model.ts'
import { type Giver, type OutsideOfGiving, outsideOfGiving } from '../services/giving.ts'
import { type OperationNames, operationNames, readStatements } from '../services/read-statement.ts'
import type { Ground } from './ground.ts'

/** A statement as its author writes it; members beside `operations` are refused, each with the reason. */
export interface WrittenStatement {
  readonly operations: readonly string[]
}

/** The operations that statements name. */
export function operationsIn(allow: readonly Statement[]): ReadonlySet<string> {
  return new Set(allow.flatMap(({ operations }) => operations))
}

/**
 * Reads the statements of an organization-defined role, normalised to operation ids, under the one rule for giving.
 * @param had what the role allows already: keeping it gives nothing
 * @throws {DomainError} `role_refused` with every fault, its place and what to do
 */
export function readAllow(
  written: readonly WrittenStatement[],
  ground: Ground,
  giver: Giver,
  had: readonly Statement[] = [],
): readonly Statement[] {
  const names = operationNames(ground.service.model.operations)
  const { allow, faults } = readStatements(written, names, '/allow')
  const named = operationsIn(allow)
  const kept = operationsIn(had)
  const everyone: Giver = { mayGrantRoles: true, holds: () => true }
  const gained = [...named].filter((id) => !kept.has(id))
  const outside = [
    // The entitlement bounds what is kept, too; only what is gained is given.
    ...outsideOfGiving(everyone, ground.service.id, ground.operations, named),
    ...outsideOfGiving(giver, ground.service.id, ground.operations, gained).filter(
      ({ reason }) => reason === 'not_held',
    ),
  ]
  const places = placesOf(written, names)
  const all = [...faults, ...outside.map((one) => outsideFault(one, places, ground))]
  if (all.length > 0) throw refused(all)
  return allow
}

/** Where each operation is named first. */
function placesOf(written: readonly WrittenStatement[], names: OperationNames): ReadonlyMap<string, string> {
  const places = new Map<string, string>()
  for (const [i, { operations }] of written.entries())
    for (const [j, text] of operations.entries()) {
      const id = names.find(text)
      if (id !== undefined && !places.has(id)) places.set(id, `/allow/${i}/operations/${j}`)
    }
  return places
}

function outsideFault(
  { operationId, reason }: OutsideOfGiving,
  places: ReadonlyMap<string, string>,
  { service }: Ground,
): Fault {
  const pointer = places.get(operationId) ?? '/allow'
  if (reason === 'not_held')
    return {
      pointer,
      detail: `you do not hold ${operationId} yourself, so you cannot give it`,
      fix: 'ask somebody who may grant roles',
    }
  const isPublic = service.model.operations.some(
    ({ id, public: open }) => id === operationId && open === true,
  )
  return isPublic
    ? { pointer, detail: `${operationId} is public: anybody may call it`, fix: 'leave it out' }
    : {
        pointer,
        detail: `${operationId} is outside of the organization's entitlement on ${service.slug}`,
        fix: 'leave it out, or ask the operator to entitle the organization to it',
      }
}

function refused(faults: readonly Fault[]): DomainError {
  const others = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
  return new DomainError('role_refused', `the role was refused: ${faults[0]?.detail ?? ''}${others}`, {
    faults,
  })
}
