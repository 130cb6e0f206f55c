import {
  type Bits,
  hasBit,
  intersect,
  intersection,
  isEmpty,
  noBits,
  type OwnBits,
  union,
  unite,
} from './bits.ts'
import {
  type CompiledModel,
  type CompiledRole,
  type HeldRoles,
  heldTogether,
  openedJointly,
} from './compile-model.ts'
import type { Opened } from './compile-statements.ts'
import type { CompiledResource } from './compiled-resource.ts'
import { type GrantedRole, grantedRole } from './granted-role.ts'
import {
  type CompiledEntitlement,
  entitlementOf,
  openedByStatements,
  organizationRole,
  serviceRole,
} from './made-from-facts.ts'
import type { Caller, OrganizationRole, Statement } from './model.ts'
import type { ResourceKey } from './resource-key.ts'
import { sharedTags, type TagSet } from './where/tag-set.ts'

/**
 * What a decision asks about the caller, answered at once. `undefined`: not at hand (the decision then says what to
 * load); `null`: known not to exist. The same role or entitlement must come back until the fact changes, and must not be changed:
 * what is made from it is kept by it.
 */
export interface DecisionFacts {
  role(id: string): OrganizationRole | null | undefined
  /** Names of the service-defined roles that an organization may use; empty while it is suspended. */
  entitlement(organizationId: string): readonly string[] | null | undefined
  /** A registered resource, as `compileResource` makes it. */
  resource(key: ResourceKey): CompiledResource | null | undefined
}

/** Facts that a decision needed and did not find at hand. */
export interface MissingFacts {
  readonly roles: readonly string[]
  readonly organizations: readonly string[]
  /** Names of resources. */
  readonly resources: readonly string[]
}

/** All that a caller's roles open, within its organization's entitlement. */
export interface Grant {
  /** Roles that are left within the entitlement. */
  readonly roles: readonly GrantedRole[]
  /** What they name, together, too. */
  readonly operations: Bits
  /** Of it, what a statement names without `where`, `fields` and `filter`. */
  readonly plain: Bits
  readonly entitled: Opened
  /** What roles that pass for any organization open, if there are any. */
  readonly anyOrganization: Bits | undefined
  /** What the token's scope lets through; absent: everything. */
  readonly scope: Opened | undefined
  /** Operations that roles, entitlement and scope all open without `where`, `fields` and `filter`. */
  readonly free: Bits
  readonly principalTags: TagSet
}

/** Organization-defined roles are told from service-defined ones by their ids. */
const organizationRolePrefix = 'rol_'

interface NamedRole {
  readonly id: string
  readonly role: OrganizationRole | null
}

interface KnownGrant {
  readonly entitlement: readonly string[]
  /** The first organization-defined role that the caller names, and what it stood for. */
  readonly id: string | undefined
  readonly role: OrganizationRole | null | undefined
  /** The same of the others: most name one, which is then seen with no list to look through. */
  readonly others: readonly NamedRole[]
  readonly grant: Grant
}

const grantsBy = new WeakMap<CompiledModel, WeakMap<Caller, KnownGrant>>()

function grantsOf(model: CompiledModel): WeakMap<Caller, KnownGrant> {
  const known = grantsBy.get(model)
  if (known !== undefined) return known
  const grants = new WeakMap<Caller, KnownGrant>()
  grantsBy.set(model, grants)
  return grants
}

/** What the caller's roles open now. Made once per caller object, and again only when a fact is another object. */
export function grantOf(model: CompiledModel, facts: DecisionFacts, caller: Caller): Grant | MissingFacts {
  const grants = grantsOf(model)
  const known = grants.get(caller)
  const entitlement = facts.entitlement(caller.organizationId)
  if (known !== undefined && known.entitlement === entitlement && isCurrent(known, facts)) return known.grant
  const ids = caller.roles.filter(isOrganizationDefined)
  const named = ids.flatMap((id): readonly NamedRole[] => {
    const role = facts.role(id)
    return role === undefined ? [] : [{ id, role }]
  })
  if (entitlement === undefined || named.length < ids.length) return missing(facts, caller, entitlement)
  const roles = named.map(({ role }) => role)
  const grant = makeGrant(model, caller, entitlement ?? nothing, roles)
  const [first, ...others] = named
  const { id, role } = first ?? { id: undefined, role: undefined }
  const kept = others.length === 0 ? noOthers : others
  grants.set(caller, { entitlement: entitlement ?? nothing, id, role, others: kept, grant })
  return grant
}

const noOthers: readonly NamedRole[] = []

const nothing: readonly string[] = Object.freeze([])

export function isOrganizationDefined(role: string): boolean {
  return role.startsWith(organizationRolePrefix)
}

function isCurrent({ id, role, others }: KnownGrant, facts: DecisionFacts): boolean {
  if (id === undefined) return true
  if (facts.role(id) !== role) return false
  for (const other of others) if (facts.role(other.id) !== other.role) return false
  return true
}

function missing(
  facts: DecisionFacts,
  caller: Caller,
  entitlement: readonly string[] | null | undefined,
): MissingFacts {
  return {
    roles: caller.roles.filter((role) => isOrganizationDefined(role) && facts.role(role) === undefined),
    organizations: entitlement === undefined ? [caller.organizationId] : [],
    resources: [],
  }
}

function makeGrant(
  model: CompiledModel,
  caller: Caller,
  entitlement: readonly string[],
  organizationRoles: readonly (OrganizationRole | null)[],
): Grant {
  const entitled = entitlementOf(model, entitlement)
  const held = caller.roles.flatMap((name) => entitledRole(model, entitled, name) ?? [])
  const together = heldTogether(model, held)
  const own = organizationRoles.flatMap((role) => {
    // A role of another organization is as good as none.
    if (role === null || role.organizationId !== caller.organizationId) return []
    const granted = organizationRole(model, role)
    const operations = intersection(granted.operations, entitled.operations)
    if (isEmpty(operations)) return []
    return operations === granted.operations ? [granted] : [{ ...granted, operations }]
  })
  const isJointly = held.length > 1 && model.joint.length > 0
  const scope = scopesOf(model, caller)
  // A role that was let to others is one of an organization, whatever its name comes to mean.
  const passing = caller.assumed === undefined ? anyOrganizationBits(model, entitled, together) : undefined
  const operations = own.map((role) => role.operations).reduce(union, together.operations)
  const plain = own.map((role) => role.plain).reduce(union, together.plain)
  return {
    roles: [
      ...held.map((role) => serviceRole(model, role)),
      ...own,
      ...(isJointly ? [grantedRole(openedJointly(model, together), undefined)] : []),
    ],
    operations,
    plain,
    entitled,
    anyOrganization: scope === undefined ? passing : passing && passingScopes(model, scope, passing),
    scope,
    free: onEverySide(plain, entitled, scope),
    principalTags: sharedTags(caller.tags ?? {}),
  }
}

function onEverySide(plain: Bits, entitled: Opened, scope: Opened | undefined): Bits {
  const left = intersection(plain, entitled.plain)
  return scope === undefined ? left : intersection(left, scope.plain)
}

/** A service-defined role that a caller names, if the entitlement has it. */
export function entitledRole(
  model: CompiledModel,
  entitled: CompiledEntitlement,
  name: string,
): CompiledRole | undefined {
  const role = isOrganizationDefined(name) ? undefined : model.rolesByName.get(name)
  return role !== undefined && hasBit(entitled.closure, role.index) ? role : undefined
}

/** The entitlement must name such a role itself, so that a role which includes it does not pass in its stead. */
function anyOrganizationBits(
  model: CompiledModel,
  entitled: CompiledEntitlement,
  held: HeldRoles,
): Bits | undefined {
  let bits: OwnBits | undefined
  for (const { index, role, plain } of model.passing) {
    if (!entitled.named.has(role.name) || !hasBit(held.closure, index)) continue
    bits ??= noBits(model.operationsById.size)
    unite(bits, plain)
  }
  return bits
}

/**
 * The names of the scopes that narrow what the roles open; `undefined`: none do. A delegated token without any allows
 * nothing; a machine's is then not narrowed, nor is the role that somebody has assumed, nor are those of a person whom no
 * app acts for.
 */
export function narrowingScopes({ kind, assumed, inPerson, scope }: Caller): readonly string[] | undefined {
  const isDelegated = kind === 'user' && assumed === undefined && inPerson !== true
  return scope ?? (isDelegated ? nothing : undefined)
}

/** What the token's scopes open. */
function scopesOf(model: CompiledModel, caller: Caller): HeldRoles | undefined {
  const names = narrowingScopes(caller)
  if (names === undefined) return undefined
  return heldTogether(
    model,
    names.flatMap((name) => model.rolesByName.get(name) ?? []),
  )
}

/** Another organization is reached only where a scope reaches it, too: else any app of an operator's could. */
function passingScopes(model: CompiledModel, scopes: HeldRoles, passing: Bits): Bits {
  const bits = noBits(model.operationsById.size)
  for (const { index, plain } of model.passing) if (hasBit(scopes.closure, index)) unite(bits, plain)
  intersect(bits, passing)
  return bits
}

/**
 * The ids of the operations that a role gives within an entitlement: a service-defined role by name, an
 * organization-defined one by its statements. What is not within the entitlement is left out.
 */
export function operationsOf(
  model: CompiledModel,
  role: string | readonly Statement[],
  entitlement: readonly string[],
): ReadonlySet<string> {
  const entitled = entitlementOf(model, entitlement)
  const bits =
    typeof role === 'string'
      ? entitledRole(model, entitled, role)?.operations
      : intersection(openedByStatements(model, role).operations, entitled.operations)
  return bits === undefined ? new Set() : idsOf(model, bits)
}

/** The ids of the operations that service-defined roles give when they are held together. Unknown names give nothing. */
export function operationsOfRoles(model: CompiledModel, names: Iterable<string>): ReadonlySet<string> {
  const roles = [...names].flatMap((name) => model.rolesByName.get(name) ?? [])
  return idsOf(model, heldTogether(model, roles).operations)
}

function idsOf(model: CompiledModel, bits: Bits): ReadonlySet<string> {
  const ids = new Set<string>()
  for (const [id, { index }] of model.operationsById) if (hasBit(bits, index)) ids.add(id)
  return ids
}
