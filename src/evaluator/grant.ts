import { type Bits, hasBit, intersect, isEmpty, noBits, unite } from './bits.ts'
import {
  type CompiledModel,
  type CompiledRole,
  type HeldRoles,
  heldTogether,
  openedJointly,
} from './compile-model.ts'
import { compileStatements, type Opened } from './compile-statements.ts'
import type { Caller, OrganizationRole, ResourceFact, Statement } from './model.ts'
import { compileFilters, noFilters } from './response/compile-filters.ts'
import { compileTags, type TagSet } from './where/tag-set.ts'

/**
 * What a decision asks about the caller, answered at once. `undefined`: not at hand (the decision then says what to
 * load); `null`: known not to exist. The same object must come back until the fact changes, and must not be changed:
 * what is made from it is kept by it.
 */
export interface DecisionFacts {
  role(id: string): OrganizationRole | null | undefined
  /** Names of the service-defined roles that an organization may use; empty while it is suspended. */
  entitlement(organizationId: string): readonly string[] | null | undefined
  /** A registered resource, by its name (`resourceNames`). */
  resource(name: string): ResourceFact | null | undefined
}

/** Facts that a decision needed and did not find at hand. */
export interface MissingFacts {
  readonly roles: readonly string[]
  readonly organizations: readonly string[]
  /** Names of resources. */
  readonly resources: readonly string[]
}

/** A role that the caller holds, with what it opens alone. */
export interface GrantedRole extends Opened {
  /** Absent: several roles together, by an alternative that needs them all. */
  readonly name: string | undefined
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

interface CompiledEntitlement extends HeldRoles {
  /** Names of the roles that it names itself, not through `include`. */
  readonly named: ReadonlySet<string>
}

interface KnownGrant {
  readonly entitlement: readonly string[]
  readonly organizationRoles: readonly (OrganizationRole | null)[]
  readonly grant: Grant
}

/** What was made from frozen objects, for as long as they live. */
interface Made {
  readonly entitlements: WeakMap<readonly string[], CompiledEntitlement>
  readonly statements: WeakMap<readonly Statement[] | OrganizationRole, Opened>
  readonly grants: WeakMap<Caller, KnownGrant>
}

const madeFor = new WeakMap<CompiledModel, Made>()

function madeOf(model: CompiledModel): Made {
  const known = madeFor.get(model)
  if (known !== undefined) return known
  const made: Made = { entitlements: new WeakMap(), statements: new WeakMap(), grants: new WeakMap() }
  madeFor.set(model, made)
  return made
}

/** What the caller's roles open now. Made once per caller object, and again only when a fact is another object. */
export function grantOf(model: CompiledModel, facts: DecisionFacts, caller: Caller): Grant | MissingFacts {
  const made = madeOf(model)
  const known = made.grants.get(caller)
  const entitlement = facts.entitlement(caller.organizationId)
  if (known !== undefined && known.entitlement === entitlement && isCurrent(known, facts, caller))
    return known.grant
  const organizationRoles = caller.roles.filter(isOrganizationDefined).map((id) => facts.role(id))
  if (entitlement === undefined || organizationRoles.includes(undefined))
    return missing(facts, caller, entitlement)
  const present = organizationRoles.map((role) => role ?? null)
  const grant = makeGrant(model, made, caller, entitlement ?? nothing, present)
  made.grants.set(caller, { entitlement: entitlement ?? nothing, organizationRoles: present, grant })
  return grant
}

const nothing: readonly string[] = Object.freeze([])

function isOrganizationDefined(role: string): boolean {
  return role.startsWith(organizationRolePrefix)
}

function isCurrent(known: KnownGrant, facts: DecisionFacts, caller: Caller): boolean {
  if (known.organizationRoles.length === 0) return true
  let index = 0
  for (const role of caller.roles) {
    if (!isOrganizationDefined(role)) continue
    if (facts.role(role) !== known.organizationRoles[index]) return false
    index++
  }
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
  made: Made,
  caller: Caller,
  entitlement: readonly string[],
  organizationRoles: readonly (OrganizationRole | null)[],
): Grant {
  const entitled = entitlementOf(model, made, entitlement)
  const held = caller.roles.flatMap((name) => entitledRole(model, entitled, name) ?? [])
  const together = heldTogether(model, held)
  const own = organizationRoles.flatMap((role) => {
    // A role of another organization is as good as none.
    if (role === null || role.organizationId !== caller.organizationId) return []
    const opened = ownStatements(model, made, role)
    const operations = within(entitled, opened.operations)
    return isEmpty(operations) ? [] : [{ ...opened, name: role.id, operations }]
  })
  const isJointly = held.length > 1 && model.joint.length > 0
  const scope = scopesOf(model, caller)
  // A role that was let to others is one of an organization, whatever its name comes to mean.
  const passing = caller.assumed === undefined ? anyOrganizationBits(model, entitled, together) : undefined
  const operations = united(
    together.operations,
    own.map((role) => role.operations),
  )
  const plain = united(
    together.plain,
    own.map((role) => role.plain),
  )
  return {
    roles: [
      ...held.map((role) => ({ ...openedOf(role), name: role.role.name })),
      ...own,
      ...(isJointly ? [{ ...openedJointly(model, together), name: undefined }] : []),
    ],
    operations,
    plain,
    entitled,
    anyOrganization: scope === undefined ? passing : passing && passingScopes(model, scope, passing),
    scope,
    free: onEverySide(plain, entitled, scope),
    principalTags: compileTags(caller.tags ?? {}),
  }
}

function openedOf({ operations, plain, limited }: Opened): Opened {
  return { operations, plain, limited }
}

function united(operations: Bits, own: readonly Bits[]): Bits {
  if (own.length === 0) return operations
  const all = operations.slice()
  for (const bits of own) unite(all, bits)
  return all
}

function onEverySide(plain: Bits, entitled: Opened, scope: Opened | undefined): Bits {
  const bits = within(entitled, plain, 'plain')
  if (scope !== undefined) intersect(bits, scope.plain)
  return bits
}

function within(entitled: Opened, operations: Bits, part: 'operations' | 'plain' = 'operations'): Bits {
  const left = operations.slice()
  intersect(left, entitled[part])
  return left
}

function ownStatements(
  { operationsById }: CompiledModel,
  made: Made,
  role: OrganizationRole | readonly Statement[],
): Opened {
  const known = made.statements.get(role)
  if (known !== undefined) return known
  const opened = isStatements(role)
    ? compileStatements(operationsById, role, noFilters)
    : compileStatements(operationsById, role.allow, compileFilters(operationsById, role.filter))
  made.statements.set(role, opened)
  return opened
}

function isStatements(role: OrganizationRole | readonly Statement[]): role is readonly Statement[] {
  return Array.isArray(role)
}

/** An entitlement to a role is one to all that the role includes: that is what the role is. */
function entitlementOf(
  model: CompiledModel,
  made: Made,
  entitlement: readonly string[],
): CompiledEntitlement {
  const known = made.entitlements.get(entitlement)
  if (known !== undefined) return known
  const roles = entitlement.flatMap((name) => model.rolesByName.get(name) ?? [])
  const entitled = { ...heldTogether(model, roles), named: new Set(entitlement) }
  made.entitlements.set(entitlement, entitled)
  return entitled
}

function entitledRole(
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
  let bits: Bits | undefined
  for (const { index, role, plain } of model.passing) {
    if (!entitled.named.has(role.name) || !hasBit(held.closure, index)) continue
    bits ??= noBits(model.operationsById.size)
    unite(bits, plain)
  }
  return bits
}

/**
 * What the token's scopes open. A delegated token without any allows nothing; a machine's is then not narrowed, nor is the
 * role that somebody has assumed, nor are those of a person whom no app acts for.
 */
function scopesOf(model: CompiledModel, caller: Caller): HeldRoles | undefined {
  const isDelegated = caller.kind === 'user' && caller.assumed === undefined && caller.inPerson !== true
  if (caller.scope === undefined && !isDelegated) return undefined
  return heldTogether(
    model,
    (caller.scope ?? []).flatMap((name) => model.rolesByName.get(name) ?? []),
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
  const made = madeOf(model)
  const entitled = entitlementOf(model, made, entitlement)
  const bits =
    typeof role === 'string'
      ? entitledRole(model, entitled, role)?.operations
      : within(entitled, ownStatements(model, made, role).operations)
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
