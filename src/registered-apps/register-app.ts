import { hash } from 'node:crypto'
import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { RegisteredAppId } from '../ids.ts'
import type { Secret } from '../secrets/secret.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { Service } from '../services/service.ts'
import { signInOf } from '../services/sign-in.ts'
import { insert, update } from '../storage/ports.ts'
import { type AppMetadata, type RegisteredApp, registeredApps } from './registered-app.ts'

interface Deps {
  readonly commit: Commit
  readonly secrets: Secrets
  readonly clock: Clock
}

interface Registration {
  readonly id: RegisteredAppId
  readonly metadata: AppMetadata
  readonly secret: Secret | undefined
}

/** @param registration its metadata has been checked */
export async function registerApp(
  deps: Deps,
  by: Actor,
  service: Service,
  { id, metadata, secret }: Registration,
): Promise<RegisteredApp> {
  const { organizationId } = service
  const app: RegisteredApp = {
    ...{ id, organizationId, version: 1, serviceId: service.id, metadata },
    ...(secret && { sealedHash: sealedHashOf(deps.secrets, id, secret) }),
    ...(signInOf(service).registration === 'open' && { isOpen: true }),
    authority: 1,
    createdAt: deps.clock(),
  }
  await deps.commit({ type: 'app.registered', organizationId, target: id, by, details: shown(app) }, [
    insert(registeredApps, app),
  ])
  return app
}

/**
 * The app's new description of itself takes the place of the old one (RFC 7592 §2.2). Its secret stays.
 * @throws {DomainError} `conflict`
 */
export async function changeRegisteredApp(
  deps: Deps,
  by: Actor,
  before: RegisteredApp,
  { metadata, secret }: Omit<Registration, 'id'>,
): Promise<RegisteredApp> {
  const { id, organizationId } = before
  const after: RegisteredApp = {
    ...before,
    metadata,
    ...(secret && { sealedHash: sealedHashOf(deps.secrets, id, secret) }),
    changedAt: deps.clock(),
    version: before.version + 1,
  }
  const details = { from: shown(before), to: shown(after) }
  await deps.commit({ type: 'app.changed', organizationId, target: id, by, details }, [
    update(registeredApps, before, after),
  ])
  return after
}

function sealedHashOf(secrets: Secrets, id: RegisteredAppId, secret: Secret): string {
  return secrets.seal('client-secrets', id, hash('sha256', secret.reveal(), 'buffer'))
}

function shown({ metadata }: RegisteredApp): Readonly<Record<string, unknown>> {
  const { client_name, redirect_uris, grant_types, scope } = metadata
  return { client_name, redirect_uris, grant_types, scope }
}
