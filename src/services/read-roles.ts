import type { Fault } from '../errors.ts'
import { LimitComparison } from '../evaluator/compare-limits.ts'
import type { Operation, ServiceRole } from '../evaluator/model.ts'
import { didYouMean, nearest } from '../evaluator/nearest.ts'
import type { ResponseShapes } from '../evaluator/response/response-shapes.ts'
import { jsonPointer } from '../json-text.ts'
import { entries, isObject, items, type JsonObject, member } from './json-value.ts'
import { type FilterGround, readFilters } from './read-filter.ts'
import { identityScopes, type Schemes } from './read-security.ts'
import {
  type ReadStatement,
  readStatements,
  type StatementGround,
  statementGround,
} from './read-statement.ts'

/** A role's name stands in tokens and may be asked for as a scope, so it is a scope token (RFC 6749 §3.3). */
const namePattern = /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/
const descriptionLengthMax = 1_000
const extensionPlace = '/x-latchkey-roles'

const roleKeys = [
  'description',
  'grantable',
  'include',
  'allow',
  'filter',
  'any_organization',
  'in_default_entitlement',
]

interface Roles {
  readonly roles: readonly ServiceRole[]
  readonly faults: readonly Fault[]
}

/** What a document says of its operations. */
interface Described {
  readonly value: readonly Operation[]
  readonly responses: ResponseShapes
}

/** Service-defined roles: scopes, then `x-latchkey-roles`, then `admin` and `viewer` unless the document has them. */
export function readRoles(document: JsonObject, schemes: Schemes, described: Described): Roles {
  const { value: operations, responses } = described
  const faults: Fault[] = []
  const scopes = scopeRoles(schemes, operations)
  const extension = member(document, 'x-latchkey-roles')
  if (extension !== undefined && !isObject(extension))
    faults.push({ pointer: extensionPlace, detail: 'x-latchkey-roles is a map of role name to role' })
  const roles = new Map(scopes.map((role) => [role.name, role]))
  const ground = statementGround(operations, 'unsaid')
  for (const [name, value] of entries(extension)) {
    const own = { ...ground, comparison: new LimitComparison(), responses }
    const written = { name, value, scope: roles.get(name), place: extensionPlace + jsonPointer(name) }
    roles.set(name, readRole(written, operations, own, faults))
  }
  for (const role of operatorRoles(operations)) if (!roles.has(role.name)) roles.set(role.name, role)
  const read = [...roles.values()]
  faults.push(
    ...nameFaults(read, new Set(entries(extension).map(([name]) => name)), scopes, operations),
    ...includeFaults(roles),
  )
  return { roles: read, faults }
}

function scopeRoles(schemes: Schemes, operations: readonly Operation[]): readonly ServiceRole[] {
  const declared = [...schemes.values()].flatMap(({ scopes }) => [...scopes])
  const named = operations.flatMap(({ alternatives }) =>
    alternatives.flat().map((scope) => [scope, ''] as const),
  )
  const descriptions = new Map<string, string>()
  for (const [scope, description] of [...declared, ...named])
    if (!identityScopes.has(scope)) descriptions.set(scope, descriptions.get(scope) || description)
  return [...descriptions].map(([name, description]) => ({
    name,
    ...(description === '' ? {} : { description: description.slice(0, descriptionLengthMax) }),
    grantable: true,
    inDefaultEntitlement: true,
    delegable: true,
    include: [],
    allow: [],
  }))
}

function operatorRoles(operations: readonly Operation[]): readonly ServiceRole[] {
  const role = (name: string, description: string, allowed: readonly Operation[]): ServiceRole => ({
    name,
    description,
    grantable: false,
    inDefaultEntitlement: false,
    delegable: false,
    anyOrganization: true,
    include: [],
    allow: allowed.length === 0 ? [] : [{ operations: allowed.map(({ id }) => id) }],
  })
  const reads = operations.filter(({ method }) => method === 'GET' || method === 'HEAD')
  return [
    role('admin', 'Every operation, for any organization: the operator alone.', operations),
    role('viewer', 'Every GET and HEAD, for any organization: the operator alone.', reads),
  ]
}

/** A role as the extension has it. */
interface WrittenRole {
  readonly name: string
  readonly value: unknown
  /** Of its name, if there is one. */
  readonly scope: ServiceRole | undefined
  readonly place: string
}

type RoleGround = StatementGround & Pick<FilterGround, 'responses'>

function readRole(
  written: WrittenRole,
  operations: readonly Operation[],
  ground: RoleGround,
  faults: Fault[],
): ServiceRole {
  const { name, value, scope, place } = written
  if (!isObject(value))
    faults.push({ pointer: place, detail: `a role is an object with ${roleKeys.join(', ')}` })
  for (const [key] of entries(value))
    if (!roleKeys.includes(key))
      faults.push({
        pointer: place + jsonPointer(key),
        detail: `a role has no ${key}`,
        fix: `did you mean ${nearest(key, roleKeys) ?? roleKeys.join(' or ')}?`,
      })
  const flag = (key: string): boolean | undefined => booleanAt(value, key, place, faults)
  const grantable = flag('grantable') ?? scope?.grantable ?? false
  const anyOrganization = flag('any_organization') === true
  const inDefault = flag('in_default_entitlement')
  if (anyOrganization && grantable)
    faults.push({
      pointer: `${place}/any_organization`,
      detail: 'a role that customers may hold would let one organization act on another',
      fix: 'set grantable: false, or leave any_organization out',
    })
  if (inDefault === true && !grantable)
    faults.push({
      pointer: `${place}/in_default_entitlement`,
      detail: 'only a grantable role can be in the default entitlement',
      fix: 'set grantable: true',
    })
  const allow = member(value, 'allow')
  const { statements, faults: refused } = readStatements(allow ?? [], ground, `${place}/allow`)
  faults.push(...refused)
  const filters = filterAt(written, statements, operations, ground)
  faults.push(...filters.faults)
  const description = descriptionAt(value, place, faults) ?? scope?.description
  return {
    name,
    ...(description === undefined ? {} : { description }),
    grantable,
    inDefaultEntitlement: inDefault ?? grantable,
    delegable: scope !== undefined && grantable,
    ...(anyOrganization ? { anyOrganization: true as const } : {}),
    include: includesAt(value, place, faults),
    allow: statements.map(({ statement }) => statement),
    ...(filters.filter.length === 0 ? {} : { filter: filters.filter }),
  }
}

/** What a role includes has filters of its own: one here would be put over nothing of it. */
function filterAt(
  { name, value, place }: WrittenRole,
  statements: readonly ReadStatement[],
  operations: readonly Operation[],
  { names, responses }: RoleGround,
) {
  const filter = member(value, 'filter')
  if (filter === undefined) return { filter: [], faults: [] }
  const byScope = operations.filter(({ alternatives }) => alternatives.some((names) => names.includes(name)))
  const allowed = new Set([
    ...statements.flatMap(({ statement }) => statement.operations),
    ...byScope.map(({ id }) => id),
  ])
  return readFilters(filter, { names, allowed, responses }, `${place}/filter`)
}

function booleanAt(value: unknown, key: string, place: string, faults: Fault[]): boolean | undefined {
  const found = member(value, key)
  if (found === undefined || typeof found === 'boolean') return found
  faults.push({ pointer: `${place}/${key}`, detail: `${key} is true or false` })
  return undefined
}

function descriptionAt(value: unknown, place: string, faults: Fault[]): string | undefined {
  const found = member(value, 'description')
  if (found === undefined || typeof found === 'string') return found?.slice(0, descriptionLengthMax)
  faults.push({ pointer: `${place}/description`, detail: 'description is text' })
  return undefined
}

function includesAt(value: unknown, place: string, faults: Fault[]): readonly string[] {
  const found = member(value, 'include')
  if (found === undefined) return []
  const names = items(found).filter((name) => typeof name === 'string')
  if (!Array.isArray(found) || names.length !== found.length)
    faults.push({ pointer: `${place}/include`, detail: 'include is a list of role names' })
  return [...new Set(names)]
}

function nameFaults(
  roles: readonly ServiceRole[],
  inExtension: ReadonlySet<string>,
  scopes: readonly ServiceRole[],
  operations: readonly Operation[],
): readonly Fault[] {
  const scopeNames = new Set(scopes.map(({ name }) => name))
  const operationIds = new Set(operations.map(({ id }) => id))
  return roles.flatMap(({ name }) => {
    const place = inExtension.has(name) ? extensionPlace + jsonPointer(name) : '/components/securitySchemes'
    const kind = scopeNames.has(name) ? 'scope' : 'role'
    const wrong = (detail: string, fix: string): Fault => ({ pointer: place, detail, fix })
    return [
      ...(namePattern.test(name)
        ? []
        : [
            wrong(
              `the ${kind} ${JSON.stringify(name)} is not a name that a token can carry (RFC 6749 §3.3)`,
              'use 1 to 100 printable ASCII characters without space, " or \\',
            ),
          ]),
      ...(name.startsWith('rol_')
        ? [wrong(`the ${kind} ${name} begins with rol_, which marks organization-defined roles`, 'rename it')]
        : []),
      ...(inExtension.has(name) && identityScopes.has(name)
        ? [wrong(`${name} is a scope of OpenID Connect and never a role`, 'rename it')]
        : []),
      ...(scopeNames.has(name) && operationIds.has(name)
        ? [wrong(`the scope ${name} has the name of an operation`, 'rename the scope or the operationId')]
        : []),
    ]
  })
}

function includeFaults(roles: ReadonlyMap<string, ServiceRole>): readonly Fault[] {
  const faults: Fault[] = []
  for (const role of roles.values()) {
    for (const [i, name] of role.include.entries())
      if (!roles.has(name)) {
        const fix = didYouMean(name, roles.keys())
        const at = `${extensionPlace}${jsonPointer(role.name, 'include', i)}`
        faults.push({ pointer: at, detail: `no role ${name}`, ...(fix === undefined ? {} : { fix }) })
      }
    const within = reached(role.name, roles)
    const at = `${extensionPlace}${jsonPointer(role.name, 'include')}`
    if (within.has(role.name))
      faults.push({ pointer: at, detail: `the role ${role.name} includes itself`, fix: 'break the circle' })
    const operators = [...within].filter((name) => roles.get(name)?.anyOrganization === true)
    if (role.grantable && operators.length > 0)
      faults.push({
        pointer: at,
        detail: `a role that customers may hold includes ${operators.join(', ')}, which acts for any organization`,
        fix: 'list the operations under allow instead',
      })
  }
  return faults
}

/** The roles that are reached from one by `include`; itself only if there is a circle. */
function reached(name: string, roles: ReadonlyMap<string, ServiceRole>): ReadonlySet<string> {
  const found = new Set<string>()
  const ahead = [...(roles.get(name)?.include ?? [])]
  for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
    if (found.has(next)) continue
    found.add(next)
    ahead.push(...(roles.get(next)?.include ?? []))
  }
  return found
}
