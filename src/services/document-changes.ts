import { changesOfLimits, type LimitChanges, LimitComparison } from '../evaluator/compare-limits.ts'
import type { Operation, ServiceModel, ServiceRole } from '../evaluator/model.ts'
import { limitsOfRoles } from '../evaluator/role-limits.ts'
import { compiledModelOf, withoutWhereIn } from './operations-of.ts'
import { isWeaker } from './read-step-up.ts'
import type { UnfitRoles } from './unfit-roles.ts'

/** What a document, or a new version of one, changes. Operations and roles are told by id and name. */
export interface DocumentChanges {
  readonly operationsAdded: readonly string[]
  readonly operationsRemoved: readonly string[]
  /** The id stays and now means another request, to every role that names it. */
  readonly operationsMoved: readonly Change<string>[]
  /** Anybody may call them from now on. */
  readonly newlyPublic: readonly string[]
  readonly noLongerPublic: readonly string[]
  /** No longer compared with the token's organization at the same parameter, or its resource no longer with its owner. */
  readonly ownershipCheckLost: readonly string[]
  /** People get in with an older or weaker sign-in than before. */
  readonly stepUpWeakened: readonly string[]
  readonly rolesAdded: readonly string[]
  readonly rolesRemoved: readonly string[]
  /** Only roles of which something changes. */
  readonly roles: readonly RoleChange[]
  readonly audience?: { readonly before: string; readonly after: string }
  /** Organization-defined roles that no longer fit: of those, what does not fit allows nothing until it is mended. */
  readonly unfit: UnfitRoles
}

interface Change<T> {
  readonly id: string
  readonly before: T
  readonly after: T
}

interface RoleChange extends LimitChanges {
  readonly name: string
  /** Marks that widen who may hold it or where it reaches. */
  readonly becomes: readonly ('grantable' | 'in_default_entitlement' | 'delegable' | 'any_organization')[]
}

/** What a document says that matters here. */
export interface Described {
  readonly audience: string
  readonly model: ServiceModel
}

/** What `after` changes; against nothing, all that it brings. */
export function changesBetween(
  before: Described | undefined,
  after: Described,
  unfit: UnfitRoles = { roles: [], others: 'none' },
): DocumentChanges {
  const old = new Map((before?.model.operations ?? []).map((one) => [one.id, one]))
  const now = new Map(after.model.operations.map((one) => [one.id, one]))
  const oldRoles = before?.model.roles ?? []
  const both = after.model.operations.flatMap((one) => {
    const was = old.get(one.id)
    return was === undefined ? [] : [{ was, one }]
  })
  const ids = (operations: readonly Operation[]) => operations.map(({ id }) => id)
  const wereOwned = before?.model.resources === 'latchkey'
  const areOwned = after.model.resources === 'latchkey'
  return {
    operationsAdded: ids(after.model.operations.filter(({ id }) => !old.has(id))),
    operationsRemoved: ids([...old.values()].filter(({ id }) => !now.has(id))),
    operationsMoved: both
      .filter(({ was, one }) => requestOf(was) !== requestOf(one))
      .map(({ was, one }) => ({ id: one.id, before: requestOf(was), after: requestOf(one) })),
    newlyPublic: ids(after.model.operations.filter((one) => one.public && !old.get(one.id)?.public)),
    noLongerPublic: ids(both.filter(({ was, one }) => was.public && !one.public).map(({ one }) => one)),
    ownershipCheckLost: ids(
      both
        .filter(
          ({ was, one }) =>
            losesOwnership(was, one) ||
            (wereOwned && was.resourceParameter !== undefined && !(areOwned && isSameResource(was, one))),
        )
        .map(({ one }) => one),
    ),
    stepUpWeakened: ids(
      both.filter(({ was, one }) => isWeaker(was.stepUp, one.stepUp)).map(({ one }) => one),
    ),
    rolesAdded: namesWithout(after.model.roles, oldRoles),
    rolesRemoved: namesWithout(oldRoles, after.model.roles),
    ...{ roles: roleChanges(before?.model, after.model), unfit },
    ...(before === undefined || before.audience === after.audience
      ? {}
      : { audience: { before: before.audience, after: after.audience } }),
  }
}

/** Whether somebody must say that they have seen the changes before they hold. */
export function needsConfirmation(changes: DocumentChanges): boolean {
  const { newlyPublic, ownershipCheckLost, stepUpWeakened, operationsMoved, roles, rolesRemoved } = changes
  const { audience, unfit } = changes
  const weighty = [newlyPublic, ownershipCheckLost, stepUpWeakened, operationsMoved, roles, rolesRemoved]
  return (
    audience !== undefined ||
    unfit.others !== 'none' ||
    [...weighty, unfit.roles].some((list) => list.length > 0)
  )
}

function requestOf({ method, path }: Operation): string {
  return `${method} ${path}`
}

/** Whether what an operation acts on is named as before, so that its owner is still asked for. */
function isSameResource(was: Operation, now: Operation): boolean {
  return (
    was.resourceParameter === now.resourceParameter &&
    JSON.stringify(was.namespace) === JSON.stringify(now.namespace)
  )
}

function losesOwnership(was: Operation, now: Operation): boolean {
  return was.organizationParameter !== undefined && was.organizationParameter !== now.organizationParameter
}

function namesWithout(roles: readonly ServiceRole[], others: readonly ServiceRole[]): readonly string[] {
  const known = new Set(others.map(({ name }) => name))
  return roles.map(({ name }) => name).filter((name) => !known.has(name))
}

function roleChanges(before: ServiceModel | undefined, after: ServiceModel): readonly RoleChange[] {
  const none: ServiceModel = { basePaths: [], operations: [], roles: [] }
  const earlier = before ?? none
  const names = new Set([...earlier.roles, ...after.roles].map(({ name }) => name))
  const comparison = new LimitComparison()
  const without = withoutWhereIn(after)
  return [...names].flatMap((name) => {
    const had = limitsOfRoles(compiledModelOf(earlier), [name])
    const has = limitsOfRoles(compiledModelOf(after), [name])
    const limits = changesOfLimits(had, has, comparison, without)
    const change = { name, ...limits, becomes: widened(roleNamed(earlier, name), roleNamed(after, name)) }
    const lists = [...Object.values(limits), change.becomes]
    return lists.some((list) => list.length > 0) ? [change] : []
  })
}

function roleNamed(model: ServiceModel, name: string): ServiceRole | undefined {
  return model.roles.find((role) => role.name === name)
}

function widened(before: ServiceRole | undefined, after: ServiceRole | undefined): RoleChange['becomes'] {
  const marks = [
    ['grantable', before?.grantable, after?.grantable],
    ['in_default_entitlement', before?.inDefaultEntitlement, after?.inDefaultEntitlement],
    ['delegable', before?.delegable, after?.delegable],
    ['any_organization', before?.anyOrganization, after?.anyOrganization],
  ] as const
  return marks.filter(([, was, is]) => is === true && was !== true).map(([mark]) => mark)
}

/** The changes on the wire. */
export function presentChanges(changes: DocumentChanges) {
  return {
    operations_added: changes.operationsAdded,
    operations_removed: changes.operationsRemoved,
    operations_moved: changes.operationsMoved.map(({ id, before, after }) => ({
      operation_id: id,
      before,
      after,
    })),
    newly_public: changes.newlyPublic,
    no_longer_public: changes.noLongerPublic,
    ownership_check_lost: changes.ownershipCheckLost,
    step_up_weakened: changes.stepUpWeakened,
    roles_added: changes.rolesAdded,
    roles_removed: changes.rolesRemoved,
    roles: changes.roles.map(({ name, ...change }) => ({ role: name, ...change })),
    audience: changes.audience ?? null,
    ...presentUnfit(changes.unfit),
  }
}

/** Absent where nothing is to be told. */
function presentUnfit({ roles, others }: UnfitRoles) {
  if (roles.length === 0 && others === 'none') return {}
  const roles_unfit = roles.map(({ organizationId, roleId, name, faults }) => ({
    ...{ organization_id: organizationId, role_id: roleId, name },
    errors: faults,
  }))
  return {
    ...{ roles_unfit, more_roles_unfit: others !== 'none' },
    ...(others === 'not_looked_at' ? { roles_not_looked_at: true } : {}),
  }
}
