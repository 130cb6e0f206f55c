import type { Actor, Commit } from '../audit/record.ts'
import type { Clock, EpochMs } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { Tags } from '../evaluator/model.ts'
import type { OrganizationId } from '../ids.ts'
import { checkGiving } from '../roles/check-giving.ts'
import { groundOf } from '../roles/ground.ts'
import type { Secret } from '../secrets/secret.ts'
import type { Giver } from '../services/giving.ts'
import { checkGivingTags } from '../services/principal-tags.ts'
import { insert, type Records } from '../storage/ports.ts'
import { type AddressesChange, changedAddresses } from './change-addresses.ts'
import { type Authentication, type ClientKey, clientKeys } from './client-key.ts'
import { guardedService } from './giveable-role.ts'
import { issueSecret, type SecretDeps } from './issue-secret.ts'
import { readJwks } from './jwks.ts'
import { type AppAddresses, shownAddresses } from './redirect-uris.ts'
import type { Environment } from './secret-format.ts'

interface Deps extends SecretDeps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
}

export interface NewClientKey {
  /** A service's id or slug. */
  readonly service: string
  readonly name: string
  readonly role: string
  readonly environment: Environment
  readonly expiresAt?: EpochMs | undefined
  readonly cidrs: readonly string[]
  readonly tags?: Tags | undefined
  /** Then it proves itself with `private_key_jwt`, and gets no secret. */
  readonly jwks?: readonly Readonly<Record<string, unknown>>[] | undefined
  /** The service that it guards: id or slug, for the role `guard` alone. */
  readonly guardsService?: string | undefined
  /** A public client: it proves itself not at all, and gets no secret. */
  readonly isPublic?: boolean
  readonly addresses?: AddressesChange
}

/** A key, and its secret if it just got one: shown once, kept nowhere. */
export interface Issued {
  readonly key: ClientKey
  readonly secret: Secret | undefined
}

/**
 * @throws {DomainError} `organization_not_found`, `service_not_found`, `role_not_found`, `role_not_grantable`,
 * `tag_not_grantable`, `invalid_request` (JWKS, guarded service, an address)
 */
export async function createClientKey(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  wanted: NewClientKey,
): Promise<Issued> {
  const ground = await groundOf(deps.records, organizationId, wanted.service)
  await checkGiving(deps.records, ground, giver, wanted.role)
  const guardsServiceId = await guardedService(deps.records, ground, wanted.role, wanted.guardsService)
  const { name, role, environment, cidrs, tags = {}, expiresAt, jwks, isPublic = false } = wanted
  checkGivingTags(giver, tags, {})
  if (isPublic && jwks !== undefined) throw publicWithKeys()
  const addresses = changedAddresses({}, wanted.addresses ?? {})
  const issued = newClientKey(deps, deps.clock(), {
    ...{ organizationId, serviceId: ground.service.id, name, role, environment, cidrs, createdBy: by.id },
    ...(guardsServiceId === undefined ? {} : { guardsServiceId }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
    ...(jwks === undefined ? {} : { jwks: readJwks(jwks) }),
    ...addresses,
    isPublic,
  })
  const { key } = issued
  const details = {
    name,
    service_id: key.serviceId,
    role,
    environment,
    authentication: key.authentication.kind,
    tags,
    ...shownAddresses(addresses),
  }
  await deps.commit({ type: 'client_key.created', organizationId, target: key.id, by, details }, [
    insert(clientKeys, key),
  ])
  return issued
}

function publicWithKeys(): DomainError {
  const detail = 'a public client proves itself not at all: leave out jwks, or public'
  return new DomainError('invalid_request', detail, { faults: [{ pointer: '/public', detail }] })
}

type Beginning = Pick<
  ClientKey,
  | 'organizationId'
  | 'serviceId'
  | 'guardsServiceId'
  | 'name'
  | 'role'
  | 'environment'
  | 'cidrs'
  | 'tags'
  | 'expiresAt'
  | 'createdBy'
> &
  AppAddresses & {
    readonly jwks?: readonly Readonly<Record<string, string>>[]
    readonly isPublic?: boolean
  }

/** As it begins: active, at the first authority. First start makes the operator's key with it. */
export function newClientKey(
  deps: SecretDeps,
  nowMs: EpochMs,
  { jwks, isPublic = false, ...beginning }: Beginning,
): Issued {
  const id = deps.newId('key')
  const common = { id, version: 1, state: { kind: 'active' }, authority: 1, createdAt: nowMs } as const
  if (jwks !== undefined) {
    const authentication: Authentication = { kind: 'private_key_jwt', jwks: { keys: jwks } }
    return { key: { ...beginning, ...common, authentication }, secret: undefined }
  }
  if (isPublic)
    return { key: { ...beginning, ...common, authentication: { kind: 'none' } }, secret: undefined }
  const { secret, kept } = issueSecret(deps, id, beginning.environment, nowMs)
  return { key: { ...beginning, ...common, authentication: { kind: 'secret', secrets: [kept] } }, secret }
}
