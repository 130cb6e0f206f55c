import { type ClientKey, refusal } from '../client-keys/client-key.ts'
import { findClientKey } from '../client-keys/find-client-key.ts'
import type { Clock } from '../clock.ts'
import { addressMatcher } from '../evaluator/address-blocks.ts'
import { parseId } from '../ids.ts'
import { organizations } from '../organizations/organization.ts'
import { roles } from '../roles/role.ts'
import type { Service } from '../services/service.ts'
import { derived } from '../storage/derived.ts'
import type { Records } from '../storage/ports.ts'
import { findUser } from '../users/find-user.ts'
import { type User, userRefusal } from '../users/user.ts'
import type { AskedPrincipal, SubjectCaller } from './asked-subject.ts'

interface Deps {
  /** The cached ones: what is made of a key is kept by its record. */
  readonly records: Records
  readonly clock: Clock
}

/**
 * The client key or the user with this id, as they would come with a token of the service that is issued now. `undefined`
 * for all to whom none would be: there is nobody, they are of another service or have no role at this one, they are disabled,
 * suspended or expired.
 */
export async function findPrincipal(
  deps: Deps,
  service: Service,
  asked: AskedPrincipal,
): Promise<SubjectCaller | undefined> {
  const keyId = parseId('key', asked.id)
  const key = keyId && (await findClientKey(deps.records, keyId))
  if (key !== undefined) return await machineOf(deps, service, key, asked)
  const userId = parseId('usr', asked.id)
  const user = userId && (await findUser(deps.records, userId))
  return user !== undefined && isKnownAt(service, user)
    ? await personOf(deps, service, user, asked)
    : undefined
}

/** Those who have a role there, and the people of its owner. Of others the owner is not told whether they are anywhere. */
export function isKnownAt({ id, organizationId }: Service, user: User): boolean {
  return user.organizationId === organizationId || user.roles.some(({ serviceId }) => serviceId === id)
}

type Asked = Omit<AskedPrincipal, 'kind' | 'id'>

/** The same of a key that has been found. */
export async function machineOf(
  { records, clock }: Deps,
  service: Service,
  key: ClientKey,
  { address, anywhere, acceptTestKeys, scope }: Asked,
): Promise<SubjectCaller | undefined> {
  const roleId = parseId('rol', key.role)
  const [organization, role] = await Promise.all([
    records.find(key.organizationId, organizations, key.organizationId),
    roleId && records.find(key.organizationId, roles, roleId),
  ])
  // A key that has nothing to prove itself with acts for people alone.
  const isMachine = key.authentication.kind !== 'none'
  const isLetIn = isMachine && (key.environment === 'live' || acceptTestKeys === true)
  if (!isLetIn || refusal(key, { organization, service, role }, clock()) !== undefined) return undefined
  const { caller, allowsAddress } = madeOf(key)
  if (anywhere === undefined && !allowsAddress(address)) return undefined
  return scope === undefined ? caller : { ...caller, scope }
}

const madeOf = derived((key: ClientKey) => {
  const { id, organizationId, role, tags } = key
  const named = { kind: 'key' as const, id, organizationId, clientId: id, roles: [role], claims: {} }
  const caller: SubjectCaller = tags === undefined ? named : { ...named, tags }
  return { caller, allowsAddress: addressMatcher(key.cidrs) }
})

/** The same of a user who has been found. */
export async function personOf(
  { records }: Deps,
  service: Service,
  user: User,
  { scope }: Asked,
): Promise<SubjectCaller | undefined> {
  const organization = await records.find(user.organizationId, organizations, user.organizationId)
  if (userRefusal(user, organization) !== undefined) return undefined
  const { id, organizationId, tags } = user
  const held = user.roles.filter(({ serviceId }) => serviceId === service.id).map(({ role }) => role)
  return {
    ...{ kind: 'user', id, organizationId, clientId: id, roles: held, tags, claims: {} },
    ...(scope === undefined ? { inPerson: true } : { scope }),
  }
}
