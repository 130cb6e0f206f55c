import { hasBit } from '../bits.ts'
import { type CompiledModel, type CompiledRole, heldTogether } from '../compile-model.ts'
import { type DecisionFacts, type Grant, isOrganizationDefined } from '../grant.ts'
import type {
  Caller,
  FilterStatement,
  Operation,
  OrganizationRole,
  ServiceRole,
  Statement,
} from '../model.ts'
import type { ExplainedFilter, ExplainedRole, ExplainedSide, StatementPlace } from './explanation.ts'

/** Something that says that an operation is allowed. */
export interface Source {
  readonly place: StatementPlace
  readonly statement: Statement
  readonly filters: readonly ExplainedFilter[]
}

/** An alternative of the document allows whatever is sent. */
const unlimited: Statement = { operations: [] }

interface SourcesOfSide {
  readonly kind: ExplainedSide['kind']
  readonly roles: readonly SourcesOfRole[]
}

interface SourcesOfRole extends Pick<ExplainedRole, 'names' | 'standing'> {
  readonly sources: readonly Source[]
}

interface Looking {
  readonly model: CompiledModel
  readonly operation: Operation
}

/** What the roles say of an operation, and what bounds them: by the document and the facts, not by what was made of them. */
export function sourcesOf(
  model: CompiledModel,
  facts: DecisionFacts,
  caller: Caller,
  grant: Grant,
  operation: Operation,
): readonly SourcesOfSide[] {
  const at = { model, operation }
  const entitlement = facts.entitlement(caller.organizationId) ?? []
  const scope: readonly SourcesOfSide[] =
    grant.scope === undefined
      ? []
      : [{ kind: 'scope', roles: [...unknownOf(model, caller.scope), ...bounding(at, caller.scope ?? [])] }]
  return [
    { kind: 'roles', roles: heldRoles(at, facts, caller, grant) },
    { kind: 'entitlement', roles: bounding(at, entitlement) },
    ...scope,
  ]
}

function heldRoles(
  at: Looking,
  facts: DecisionFacts,
  caller: Caller,
  grant: Grant,
): readonly SourcesOfRole[] {
  const held = new Set(grant.roles.map(({ name }) => name))
  const roles = caller.roles.map((name): SourcesOfRole => {
    const role = isOrganizationDefined(name) ? ownRole(facts, caller, name) : at.model.rolesByName.get(name)
    const names = [name] as const
    if (role === undefined) return { names, standing: 'unknown', sources: [] }
    if (!held.has(name)) return { names, standing: 'not_entitled', sources: [] }
    const sources = 'role' in role ? sourcesOfRole(at, role) : statementsOf(at, role.id, role)
    return { names, standing: 'held', sources }
  })
  return [...roles, ...together(at, roles)]
}

function ownRole(facts: DecisionFacts, { organizationId }: Caller, id: string): OrganizationRole | undefined {
  const role = facts.role(id)
  return role?.organizationId === organizationId ? role : undefined
}

/** All that holding the role opens: what it includes, too. */
function sourcesOfRole(at: Looking, role: CompiledRole): readonly Source[] {
  const held = rolesIn(at.model, role)
  return [
    ...held.flatMap((one) => statementsOf(at, one.name, one)),
    ...securityOf(at, new Set(held.map(({ name }) => name))),
  ]
}

function rolesIn(
  { roles }: CompiledModel,
  { closure }: Pick<CompiledRole, 'closure'>,
): readonly ServiceRole[] {
  return roles.filter(({ index }) => hasBit(closure, index)).map(({ role }) => role)
}

/** Alternatives of the document that only several of the roles together meet. */
function together(at: Looking, roles: readonly SourcesOfRole[]): readonly SourcesOfRole[] {
  const compiled = roles.flatMap(({ names: [name], standing }) =>
    standing === 'held' ? (at.model.rolesByName.get(name) ?? []) : [],
  )
  if (compiled.length < 2) return []
  const all = new Set(rolesIn(at.model, heldTogether(at.model, compiled)).map(({ name }) => name))
  const alone = compiled.map((role) => new Set(rolesIn(at.model, role).map(({ name }) => name)))
  return securityOf(at, all).flatMap((source) => {
    const names = scopesOf(source)
    const isJoint = !alone.some((of) => names.every((name) => of.has(name)))
    return isJoint ? rolesNamed(names, source) : []
  })
}

/** Of roles that bound others, those alone that name the operation. */
function bounding(at: Looking, names: readonly string[]): readonly SourcesOfRole[] {
  const compiled = names.flatMap((name) => at.model.rolesByName.get(name) ?? [])
  const held = rolesIn(at.model, heldTogether(at.model, compiled))
  return [
    ...held.flatMap((role) => {
      const sources = statementsOf(at, role.name, role)
      return sources.length === 0 ? [] : [{ names: [role.name] as const, standing: 'held' as const, sources }]
    }),
    ...securityOf(at, new Set(held.map(({ name }) => name))).flatMap((source) =>
      rolesNamed(scopesOf(source), source),
    ),
  ]
}

function unknownOf({ rolesByName }: CompiledModel, scope: readonly string[] = []): readonly SourcesOfRole[] {
  const unknown = scope.filter((name) => !rolesByName.has(name))
  return unknown.map((name) => ({ names: [name], standing: 'unknown', sources: [] }))
}

function rolesNamed([first, ...others]: readonly string[], source: Source): readonly SourcesOfRole[] {
  return first === undefined ? [] : [{ names: [first, ...others], standing: 'held', sources: [source] }]
}

function scopesOf({ place }: Source): readonly string[] {
  return place.kind === 'security' ? place.scopes : []
}

interface Says {
  readonly allow: readonly Statement[]
  readonly filter?: readonly FilterStatement[]
}

function statementsOf({ operation }: Looking, role: string, { allow, filter }: Says): readonly Source[] {
  const filters = filtersOf(operation, role, filter)
  return allow.flatMap((statement, index) =>
    statement.operations.includes(operation.id)
      ? [{ place: { kind: 'statement' as const, role, index }, statement, filters }]
      : [],
  )
}

function securityOf({ model, operation }: Looking, held: ReadonlySet<string>): readonly Source[] {
  const met = operation.alternatives.filter(
    (names) => names.length > 0 && names.every((name) => held.has(name)),
  )
  return met.map((scopes) => ({
    place: { kind: 'security', scopes },
    statement: unlimited,
    filters: scopes.flatMap((name) => filtersOf(operation, name, model.rolesByName.get(name)?.role.filter)),
  }))
}

function filtersOf(
  { id }: Operation,
  role: string,
  filter: readonly FilterStatement[] = [],
): readonly ExplainedFilter[] {
  return filter.flatMap(({ operations, fields, mask }) =>
    operations.includes(id) ? [{ role, fields, ...(mask === undefined ? {} : { mask }) }] : [],
  )
}
