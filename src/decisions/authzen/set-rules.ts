import type { Actor, Commit } from '../../audit/record.ts'
import { DomainError } from '../../errors.ts'
import type { OrganizationId } from '../../ids.ts'
import { domainName } from '../../organizations/domain.ts'
import { checkGiving } from '../../roles/check-giving.ts'
import { groundOfOwn } from '../../roles/ground.ts'
import { getService } from '../../services/find-service.ts'
import type { Giver } from '../../services/giving.ts'
import { type AuthzenRules, type Service, services } from '../../services/service.ts'
import { expectVersion } from '../../storage/expect-version.ts'
import { type Records, update } from '../../storage/ports.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

interface WantedRules {
  readonly userDomain: string | null
  readonly unknownUsersRole: string | null
  readonly ifMatch?: number | undefined
}

/**
 * A service of the organization's own.
 * @throws {DomainError} `service_not_found` for another organization's, too
 */
export async function ownService(
  records: Records,
  owner: OrganizationId,
  idOrSlug: string,
): Promise<Service> {
  const service = await getService(records, idOrSlug)
  if (service.organizationId === owner) return service
  throw new DomainError('service_not_found', `no service ${idOrSlug} of this organization`)
}

/**
 * The owner of a service says who users are that its AuthZEN API is asked about. A role for those who have none there is
 * given by the one rule for giving, in the owner's own organization.
 * @throws {DomainError} `service_not_found`, `service_protected`, `invalid_request`, `role_not_found`,
 * `role_not_grantable`, `precondition_failed`, `conflict`
 */
export async function setAuthzenRules(
  deps: Deps,
  by: Actor,
  giver: Giver,
  owner: OrganizationId,
  idOrSlug: string,
  { userDomain, unknownUsersRole, ifMatch }: WantedRules,
): Promise<Service> {
  const before = await ownService(deps.records, owner, idOrSlug)
  if (before.kind === 'system')
    throw new DomainError('service_protected', `${before.slug} decides about itself alone`)
  expectVersion(before, ifMatch)
  const isGiven = unknownUsersRole !== null && unknownUsersRole !== before.authzen?.unknownUsersRole
  if (isGiven) {
    const ground = await groundOfOwn(deps.records, owner, before.id)
    await checkGiving(deps.records, ground, giver, unknownUsersRole, '/unknown_users_role')
  }
  const authzen: AuthzenRules = {
    ...(userDomain === null ? {} : { userDomain: readDomain(userDomain) }),
    ...(unknownUsersRole === null ? {} : { unknownUsersRole }),
  }
  const details = { authzen: { before: shown(before.authzen), after: shown(authzen) } }
  await deps.commit({ type: 'service.changed', organizationId: owner, target: before.id, by, details }, [
    update(services, before, { ...before, authzen }),
  ])
  return { ...before, authzen, version: before.version + 1 }
}

function readDomain(text: string): string {
  const domain = domainName(text)
  if (domain !== undefined) return domain
  const detail = 'is no domain name'
  throw new DomainError('invalid_request', `user_domain ${detail}`, {
    faults: [{ pointer: '/user_domain', detail, fix: 'write it as after the @ of an address: example.com' }],
  })
}

function shown({ userDomain, unknownUsersRole }: AuthzenRules = {}) {
  return { user_domain: userDomain ?? null, unknown_users_role: unknownUsersRole ?? null }
}
