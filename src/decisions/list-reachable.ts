import { getClientKey } from '../client-keys/client-key.ts'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { ClientKeyId, OrganizationId, UserId } from '../ids.ts'
import { getService } from '../services/find-service.ts'
import { compiledModelOf } from '../services/operations-of.ts'
import type { Service } from '../services/service.ts'
import { getUsableService } from '../services/set-entitlement.ts'
import type { Records } from '../storage/ports.ts'
import { getUser } from '../users/user.ts'
import { findPrincipal } from './find-principal.ts'
import { type ReachablePage, reachableResources } from './reachable-resources.ts'
import { storedFacts } from './stored-facts.ts'

interface Deps {
  readonly records: Records
  readonly clock: Clock
}

interface Page {
  readonly operation?: string | undefined
  readonly scope?: readonly string[] | undefined
  readonly limit: number
  readonly cursor?: string | undefined
}

interface Asked extends Page {
  /** The id of a client key or a user. */
  readonly principal: string
}

/**
 * The resources of a service that a principal may reach now. None for whom no token would be issued, and for who is not
 * there.
 * @throws {DomainError} `invalid_request`
 */
export async function listReachable(deps: Deps, service: Service, asked: Asked): Promise<ReachablePage> {
  const { principal: id, operation: operationId, scope, ...page } = asked
  const named = { kind: 'principal', id, scope, anywhere: true, acceptTestKeys: true } as const
  const caller = await findPrincipal(deps, service, named)
  const about = { serviceId: service.id, model: compiledModelOf(service.model), operationId }
  const nobody = { kind: 'key', id, organizationId: '', roles: [] } as const
  const facts = { records: deps.records, factsFor: storedFacts(deps.records, service) }
  return await reachableResources(facts, { ...about, caller: caller ?? nobody }, page)
}

/**
 * Of a key of the organization: on the one service that it is for.
 * @throws {DomainError} `client_key_not_found`, `service_not_found`, `invalid_request`
 */
export async function listReachableOfKey(
  deps: Deps,
  organizationId: OrganizationId,
  id: ClientKeyId,
  page: Page,
): Promise<ReachablePage> {
  const { serviceId } = await getClientKey(deps.records, organizationId, id)
  return await listReachable(deps, await getService(deps.records, serviceId), { principal: id, ...page })
}

/**
 * Of a person of the organization, on one of the services.
 * @throws {DomainError} `user_not_found`, `service_not_found`, `invalid_request`
 */
export async function listReachableOfUser(
  deps: Deps,
  organizationId: OrganizationId,
  id: UserId,
  { service: idOrSlug, ...page }: Page & { readonly service?: string | undefined },
): Promise<ReachablePage> {
  await getUser(deps.records, organizationId, id)
  if (idOrSlug !== undefined) {
    const { service } = await getUsableService(deps, organizationId, idOrSlug)
    return await listReachable(deps, service, { principal: id, ...page })
  }
  const [detail, fix] = ['is missing: a user may have roles on several', 'give its id or slug']
  throw new DomainError('invalid_request', `service ${detail}`, {
    ...{ fix, faults: [{ pointer: '?service', detail, fix }] },
  })
}
