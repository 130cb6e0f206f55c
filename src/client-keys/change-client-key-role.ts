import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { ClientKeyId, NewId, OrganizationId } from '../ids.ts'
import { checkGiving } from '../roles/check-giving.ts'
import { groundOfOwn } from '../roles/ground.ts'
import type { Giver } from '../services/giving.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import {
  type ClientKey,
  clientKeys,
  endTokens,
  getClientKey,
  refuseRevoked,
  withAuthorityRaised,
} from './client-key.ts'
import { guardedService } from './giveable-role.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

export interface RoleChange {
  readonly role: string
  /** The service that it will guard: id or slug, for the role `guard` alone. */
  readonly guardsService?: string | undefined
  readonly ifMatch?: number | undefined
}

/**
 * Another role on the same service, under the one rule for giving; tokens with the old one end.
 * @throws {DomainError} `client_key_not_found`, `client_key_state`, `role_not_found`, `role_not_grantable`,
 * `invalid_request`, `service_not_found`, `precondition_failed`, `conflict`
 */
export async function changeClientKeyRole(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  id: ClientKeyId,
  { role, guardsService, ifMatch }: RoleChange,
): Promise<ClientKey> {
  const before = await getClientKey(deps.records, organizationId, id)
  expectVersion(before, ifMatch)
  refuseRevoked(before)
  const ground = await groundOfOwn(deps.records, organizationId, before.serviceId)
  await checkGiving(deps.records, ground, giver, role)
  const guardsServiceId = await guardedService(deps.records, ground, role, guardsService)
  const { guardsServiceId: _guarded, ...rest } = before
  const nowMs = deps.clock()
  const after = withAuthorityRaised(
    { ...rest, ...(guardsServiceId === undefined ? {} : { guardsServiceId }) },
    { role },
  )
  const details = { from: before.role, to: role }
  await deps.commit({ type: 'client_key.role_changed', organizationId, target: id, by, details }, [
    update(clientKeys, before, after),
    endTokens(deps.newId, nowMs, after),
  ])
  return after
}
