import type { Actor, Commit } from '../audit/record.ts'
import type { Clock, EpochMs } from '../clock.ts'
import type { OrganizationId } from '../ids.ts'
import { groundOf } from '../roles/ground.ts'
import type { Secret } from '../secrets/secret.ts'
import type { Giver } from '../services/giving.ts'
import { insert, type Records } from '../storage/ports.ts'
import { type Authentication, type ClientKey, clientKeys } from './client-key.ts'
import { checkGiving, guardedService } from './giveable-role.ts'
import { issueSecret, type SecretDeps } from './issue-secret.ts'
import { readJwks } from './jwks.ts'
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
  /** Then it proves itself with `private_key_jwt`, and gets no secret. */
  readonly jwks?: readonly Readonly<Record<string, unknown>>[] | undefined
  /** The service that it guards: id or slug, for the role `guard` alone. */
  readonly guardsService?: string | undefined
}

/** A key, and its secret if it just got one: shown once, kept nowhere. */
export interface Issued {
  readonly key: ClientKey
  readonly secret: Secret | undefined
}

/**
 * @throws {DomainError} `organization_not_found`, `service_not_found`, `role_not_found`, `role_not_grantable`,
 * `invalid_request` (JWKS, guarded service)
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
  const { name, role, environment, cidrs, expiresAt, jwks } = wanted
  const issued = newClientKey(deps, deps.clock(), {
    ...{ organizationId, serviceId: ground.service.id, name, role, environment, cidrs, createdBy: by.id },
    ...(guardsServiceId === undefined ? {} : { guardsServiceId }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(jwks === undefined ? {} : { jwks: readJwks(jwks) }),
  })
  const { key } = issued
  const details = {
    name,
    service_id: key.serviceId,
    role,
    environment,
    authentication: key.authentication.kind,
  }
  await deps.commit({ type: 'client_key.created', organizationId, target: key.id, by, details }, [
    insert(clientKeys, key),
  ])
  return issued
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
  | 'expiresAt'
  | 'createdBy'
> & { readonly jwks?: readonly Readonly<Record<string, string>>[] }

/** As it begins: active, at the first authority. First start makes the operator's key with it. */
export function newClientKey(deps: SecretDeps, nowMs: EpochMs, { jwks, ...beginning }: Beginning): Issued {
  const id = deps.newId('key')
  const common = { id, version: 1, state: { kind: 'active' }, authority: 1, createdAt: nowMs } as const
  if (jwks !== undefined) {
    const authentication: Authentication = { kind: 'private_key_jwt', jwks: { keys: jwks } }
    return { key: { ...beginning, ...common, authentication }, secret: undefined }
  }
  const { secret, kept } = issueSecret(deps, id, beginning.environment, nowMs)
  return { key: { ...beginning, ...common, authentication: { kind: 'secret', secrets: [kept] } }, secret }
}
