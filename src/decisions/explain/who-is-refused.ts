import { type ClientKey, type KeyRefusal, refusal } from '../../client-keys/client-key.ts'
import { findClientKey } from '../../client-keys/find-client-key.ts'
import type { Clock } from '../../clock.ts'
import { parseId } from '../../ids.ts'
import { organizations } from '../../organizations/organization.ts'
import { roles } from '../../roles/role.ts'
import type { Service } from '../../services/service.ts'
import type { Records } from '../../storage/ports.ts'
import { findUser } from '../../users/find-user.ts'
import { type UserRefusal, userRefusal } from '../../users/user.ts'
import type { AskedPrincipal } from '../asked-subject.ts'
import { isKnownAt } from '../find-principal.ts'

interface Deps {
  readonly records: Records
  readonly clock: Clock
}

/** Why somebody who is named is let in nowhere, for the owner of the service. */
export async function whyRefused(deps: Deps, service: Service, asked: AskedPrincipal): Promise<string> {
  const keyId = parseId('key', asked.id)
  const key = keyId && (await findClientKey(deps.records, keyId))
  // A key of another service is none of this owner's business.
  if (key !== undefined && key.serviceId === service.id) return await whyKeyRefused(deps, service, key, asked)
  const userId = parseId('usr', asked.id)
  const user = userId && (await findUser(deps.records, userId))
  if (user === undefined || !isKnownAt(service, user)) return `Nobody has the id ${asked.id} at this service.`
  const organization = await deps.records.find(user.organizationId, organizations, user.organizationId)
  const why = userRefusal(user, organization)
  return why === undefined ? nobodyKnowsWhy : ofUser[why]
}

const nobodyKnowsWhy = 'They may not use the service now.'

async function whyKeyRefused(
  { records, clock }: Deps,
  service: Service,
  key: ClientKey,
  { acceptTestKeys }: AskedPrincipal,
): Promise<string> {
  const roleId = parseId('rol', key.role)
  const [organization, role] = await Promise.all([
    records.find(key.organizationId, organizations, key.organizationId),
    roleId && records.find(key.organizationId, roles, roleId),
  ])
  const why = refusal(key, { organization, service, role }, clock())
  if (why !== undefined) return ofKey[why]
  if (key.authentication.kind === 'none')
    return 'The key has nothing to prove itself with: it acts for people alone.'
  if (key.environment === 'test' && acceptTestKeys !== true)
    return 'The key is for tests: say accept_test_keys if the guard does.'
  return 'The key is bound to addresses, and the request does not come from one of them: say address.'
}

const ofKey: Readonly<Record<KeyRefusal, string>> = {
  organization_gone: "The key's organization was deleted.",
  organization_suspended: "The key's organization is suspended.",
  service_gone: 'The key is of another service.',
  revoked: 'The key was revoked.',
  disabled: 'The key is disabled.',
  expired: 'The key has expired.',
  role_deleted: "The key's role is no longer there.",
}

const ofUser: Readonly<Record<UserRefusal, string>> = {
  organization_gone: "The person's organization was deleted.",
  organization_suspended: "The person's organization is suspended.",
  invited: 'The person is invited and has not come yet.',
  disabled: 'The person is disabled.',
}
