import { hasBit } from './bits.ts'
import { type CompiledModel, heldTogether } from './compile-model.ts'
import { filtersIn, type Limits, limitsIn, withFilter } from './limits.ts'
import type { ServiceRole } from './model.ts'

/**
 * How far service-defined roles allow each operation when they are held together, through what they include and by
 * scopes too. Unknown names allow nothing.
 */
export function limitsOfRoles(
  model: CompiledModel,
  names: Iterable<string>,
): ReadonlyMap<string, readonly Limits[]> {
  const compiled = [...names].flatMap((name) => model.rolesByName.get(name) ?? [])
  const { closure } = heldTogether(model, compiled)
  const held = model.model.roles.filter((_, index) => hasBit(closure, index))
  return unitedLimits([...held.map(({ allow, filter }) => limitsIn(allow, filter)), byScopes(model, held)])
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

/** What scopes open needs no statement. Where several open it together, only what each of them filters is filtered. */
function byScopes(
  { model }: CompiledModel,
  held: readonly ServiceRole[],
): ReadonlyMap<string, readonly Limits[]> {
  const filters = new Map(held.map(({ name, filter }) => [name, filtersIn(filter ?? [])]))
  const opened = new Map<string, readonly Limits[]>()
  for (const { id, alternatives } of model.operations) {
    const limits = alternatives
      .filter((names) => names.length > 0 && names.every((name) => filters.has(name)))
      .map((names) => jointLimits(names.map((name) => filters.get(name)?.get(id))))
    if (limits.length > 0) opened.set(id, limits)
  }
  return opened
}

function jointLimits(filters: readonly Limits['filter'][]): Limits {
  const present = filters.filter((filter) => filter !== undefined)
  if (present.length < filters.length) return {}
  const mask = present.find((filter) => filter.mask !== undefined)?.mask
  const fields = present.flatMap((filter) => filter.fields)
  return withFilter({}, { fields, ...(mask === undefined ? {} : { mask }) })
}
