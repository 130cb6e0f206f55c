import type { Actor, Commit } from '../audit/record.ts'
import { DomainError, type Fault } from '../errors.ts'
import { didYouMean } from '../evaluator/nearest.ts'
import type { OrganizationId } from '../ids.ts'
import { getOrganization, type Organization } from '../organizations/organization.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { insert, type Records, remove, update } from '../storage/ports.ts'
import { type Entitlement, entitledRoles, entitlements } from './entitlement.ts'
import { getService, serviceNotFound } from './find-service.ts'
import { guardRoleName } from './management-service.ts'
import { type Service, services } from './service.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

/** What an organization may use of a service. */
export interface Entitled {
  readonly organization: Organization
  readonly service: Service
  /** As set; absent where the default holds. */
  readonly entitlement: Entitlement | undefined
  /** The roles that come of it now. */
  readonly roles: readonly string[]
}

/** @throws {DomainError} `organization_not_found`, `service_not_found` */
export async function getEntitlement(
  { records }: Pick<Deps, 'records'>,
  organizationId: OrganizationId,
  idOrSlug: string,
): Promise<Entitled> {
  const service = await getService(records, idOrSlug)
  const organization = await getOrganization(records, organizationId)
  const entitlement = await records.find(organizationId, entitlements, service.id)
  return {
    organization,
    service,
    entitlement,
    roles: entitledRoles(service.model, organization, entitlement),
  }
}

/**
 * The same for the organization itself: a service of which it may use nothing looks like none.
 * @throws {DomainError} `organization_not_found`, `service_not_found`
 */
export async function getUsableService(
  deps: Pick<Deps, 'records'>,
  organizationId: OrganizationId,
  idOrSlug: string,
): Promise<Entitled> {
  const found = await getEntitlement(deps, organizationId, idOrSlug)
  if (found.roles.length === 0) throw serviceNotFound(idOrSlug)
  return found
}

/**
 * Grants an organization exactly these roles of a service. Where it shrinks nothing is rewritten: every decision
 * intersects with it.
 * @throws {DomainError} `invalid_request` (an unknown role), `role_not_grantable`, `organization_protected` (the operator
 *   has all roles), `organization_not_found`, `service_not_found`, `precondition_failed`, `conflict`
 */
export async function setEntitlement(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  idOrSlug: string,
  wanted: { readonly roles: readonly string[]; readonly ifMatch?: number | undefined },
): Promise<Entitled> {
  const now = await getEntitlement(deps, organizationId, idOrSlug)
  const { organization, service, entitlement: before } = now
  checkCustomer(organization)
  if (before !== undefined) expectVersion(before, wanted.ifMatch)
  await checkRoles(deps, organization, service, wanted.roles)
  const roles = [...new Set(wanted.roles)]
  const after: Entitlement = { id: service.id, organizationId, version: 1, roles }
  const change =
    before === undefined ? insert(entitlements, after) : update(entitlements, before, { ...before, roles })
  const details = { service: service.slug, before: before?.roles ?? null, after: roles }
  await deps.commit({ type: 'entitlement.changed', organizationId, target: service.id, by, details }, [
    change,
  ])
  const entitlement = { ...after, version: (before?.version ?? 0) + 1 }
  return { ...now, entitlement, roles: entitledRoles(service.model, organization, entitlement) }
}

/** Back to the default: all grantable roles that the document does not keep out of it. Nothing set is nothing to do. */
export async function clearEntitlement(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  idOrSlug: string,
  ifMatch?: number,
): Promise<void> {
  const { organization, service, entitlement: before } = await getEntitlement(deps, organizationId, idOrSlug)
  checkCustomer(organization)
  if (before === undefined) return
  expectVersion(before, ifMatch)
  const details = { service: service.slug, before: before.roles, after: null }
  await deps.commit({ type: 'entitlement.changed', organizationId, target: service.id, by, details }, [
    remove(entitlements, before),
  ])
}

function checkCustomer({ kind }: Organization): void {
  if (kind === 'operator')
    throw new DomainError('organization_protected', 'the operator has every role of every service')
}

async function checkRoles(
  { records }: Deps,
  organization: Organization,
  service: Service,
  names: readonly string[],
): Promise<void> {
  const known = new Map(service.model.roles.map((role) => [role.name, role]))
  const unknown = names.flatMap((name, i): Fault[] => {
    if (known.has(name)) return []
    const fix = didYouMean(name, known.keys())
    const detail = `${service.slug} has no role ${name}`
    return [{ pointer: `/roles/${i}`, detail, ...(fix === undefined ? {} : { fix }) }]
  })
  if (unknown.length > 0)
    throw new DomainError('invalid_request', 'an entitlement is of roles that the document defines', {
      faults: unknown,
    })
  const ownsAny = await ownsService(records, organization)
  const mayNotHold = (name: string) =>
    known.get(name)?.grantable !== true || (service.kind === 'system' && name === guardRoleName && !ownsAny)
  const refused = names.flatMap((name, i): Fault[] =>
    mayNotHold(name) ? [{ pointer: `/roles/${i}`, detail: reasonFor(name) }] : [],
  )
  if (refused.length > 0)
    throw new DomainError('role_not_grantable', 'not every role may be granted to this organization', {
      faults: refused,
    })
}

function reasonFor(name: string): string {
  return name === guardRoleName
    ? 'guard is for organizations that own a service'
    : `${name} is not grantable: it is for the operator alone`
}

async function ownsService(records: Records, organization: Organization): Promise<boolean> {
  const owned = await records.list(organization.id, services, 'owner', '', { limit: 1 })
  return owned.length > 0
}
