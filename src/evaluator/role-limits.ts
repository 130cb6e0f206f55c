import { hasBit } from './bits.ts'
import { type CompiledModel, heldTogether } from './compile-model.ts'
import { filtersIn, type Limits, limitsIn, withFilter } from './limits.ts'
import type { ServiceRole } from './model.ts'
import { printFieldPattern } from './request/field-pattern.ts'
import { commonFilter } from './response/common-filter.ts'
import { readFilter } from './response/read-filter.ts'
import type { Filter } from './response/response-filter.ts'

/**
 * How far service-defined roles allow each operation when they are held together, through what they include and by
 * scopes too. Unknown names allow nothing.
 */
export function limitsOfRoles(
  model: CompiledModel,
  names: Iterable<string>,
): ReadonlyMap<string, readonly Limits[]> {
  const held = heldThrough(model, names)
  return unitedLimits([...held.map(({ allow, filter }) => limitsIn(allow, filter)), byScopes(model, held)])
}

/** What service-defined roles allow only where they are held together: by alternatives that need several of them. */
export function limitsOfRolesTogether(
  model: CompiledModel,
  names: Iterable<string>,
): ReadonlyMap<string, readonly Limits[]> {
  return byScopes(model, heldThrough(model, names), 2)
}

function heldThrough(model: CompiledModel, names: Iterable<string>): readonly ServiceRole[] {
  const compiled = [...names].flatMap((name) => model.rolesByName.get(name) ?? [])
  const { closure } = heldTogether(model, compiled)
  return model.model.roles.filter((_, index) => hasBit(closure, index))
}

/** All that several allow. */
export function unitedLimits(
  several: readonly ReadonlyMap<string, readonly Limits[]>[],
): ReadonlyMap<string, readonly Limits[]> {
  const [only, ...others] = several
  if (only !== undefined && others.length === 0) return only
  const united = new Map<string, Limits[]>()
  for (const one of several)
    for (const [id, limits] of one) {
      const known = united.get(id)
      if (known === undefined) united.set(id, [...limits])
      else known.push(...limits)
    }
  return united
}

/**
 * What scopes open needs no statement.
 * @param least by so many of them at once
 */
function byScopes(
  { model }: CompiledModel,
  held: readonly ServiceRole[],
  least = 1,
): ReadonlyMap<string, readonly Limits[]> {
  const filters = new Map(held.map(({ name, filter }) => [name, filtersIn(filter ?? [])]))
  const opened = new Map<string, readonly Limits[]>()
  for (const { id, alternatives } of model.operations) {
    const limits = alternatives
      .filter((names) => names.length >= least && names.every((name) => filters.has(name)))
      .map((names) => jointLimits(names.map((name) => filters.get(name)?.get(id))))
    if (limits.length > 0) opened.set(id, limits)
  }
  return opened
}

/** Where several roles are needed together, what all of their filters show is shown. */
function jointLimits(filters: readonly Limits['filter'][]): Limits {
  const [first, ...others] = filters.flatMap((filter) => (filter === undefined ? [] : [parsed(filter)]))
  if (first === undefined) return {}
  const { fields, mask } = others.reduce(commonFilter, first)
  return withFilter({}, { fields: fields.map(printFieldPattern), ...(mask === undefined ? {} : { mask }) })
}

function parsed({ fields, mask }: NonNullable<Limits['filter']>): Filter {
  const read = readFilter(fields, mask)
  return 'filter' in read ? read.filter : { fields: [] }
}
