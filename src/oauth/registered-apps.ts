import { hash, timingSafeEqual } from 'node:crypto'
import type { Adapter, AdapterPayload, ClientMetadata } from 'oidc-provider'
import type { Actor } from '../audit/record.ts'
import { endConsentsOfApp } from '../consents/end-consents-of-app.ts'
import { parseId, type RegisteredAppId } from '../ids.ts'
import { deleteRegisteredApp } from '../registered-apps/delete-registered-app.ts'
import { findInitialAccessToken } from '../registered-apps/initial-access-token.ts'
import { changeRegisteredApp, registerApp } from '../registered-apps/register-app.ts'
import { findRegisteredApp, type RegisteredApp } from '../registered-apps/registered-app.ts'
import { Secret } from '../secrets/secret.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'
import { destroyGrant } from './destroy-grant.ts'
import type { Exchange } from './exchange.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import { openAppCounter } from './open-app-counter.ts'

/** The app with this `client_id`, if it registered itself at the service. */
export async function findAppOf(
  records: Records,
  service: Service,
  clientId: unknown,
): Promise<RegisteredApp | undefined> {
  const id = typeof clientId === 'string' ? parseId('app', clientId) : undefined
  const app = id && (await findRegisteredApp(records, id))
  return app?.serviceId === service.id ? app : undefined
}

/** What the library must know of an app that registered itself. */
export function registeredHolder({ id, metadata, sealedHash, createdAt }: RegisteredApp): ClientMetadata {
  return {
    ...metadata,
    client_id: id,
    client_id_issued_at: Math.floor(createdAt / 1000),
    // A placeholder: `hasAppSecret` looks at the sealed hash.
    ...(sealedHash !== undefined && { client_secret: '-' }),
  }
}

export function hasAppSecret(
  secrets: Secrets,
  { id, sealedHash }: RegisteredApp,
  presented: string,
): boolean {
  if (sealedHash === undefined) return false
  const kept = secrets.open('client-secrets', id, sealedHash)
  return timingSafeEqual(kept, hash('sha256', presented, 'buffer'))
}

/**
 * Where the library keeps what apps say of themselves: our records. A secret is kept as a sealed hash, once; what comes
 * back in its place at an update is ignored.
 */
export function registeredAppAdapter(deps: IssuerDeps, service: Service, exchange: () => Exchange): Adapter {
  const takeOne = openAppCounter(deps, service)
  const stored = { ...deps, records: deps.storedRecords }
  return {
    ...noArtifacts,
    upsert: async (clientId, payload) => {
      const id = idOf(clientId)
      const by = actorOfApp(service, id, exchange())
      const before = await findAppOf(stored.records, service, id)
      const { metadata, secret } = partsOf(payload)
      if (before === undefined) {
        await takeOne()
        await registerApp(stored, by, service, { id, metadata, secret })
        return
      }
      const isNew = secret !== undefined && before.sealedHash === undefined
      if (isNew) exchange().hasNewSecret = true
      await changeRegisteredApp(stored, by, before, { metadata, secret: isNew ? secret : undefined })
    },
    destroy: async (clientId) => {
      const app = await findAppOf(stored.records, service, clientId)
      if (app === undefined) return
      const by = actorOfApp(service, app.id, exchange())
      await deleteRegisteredApp(stored, by, app)
      await endConsentsOfApp({ ...stored, destroyArtifacts: destroyGrant(deps) })(by, app.id)
    },
  }
}

/** Initial access tokens are made by the management API; the library asks for them by their text. */
export function initialAccessTokenAdapter(deps: IssuerDeps, service: Service): Adapter {
  return {
    ...noArtifacts,
    find: async (text) => {
      const token = await findInitialAccessToken({ ...deps, records: deps.storedRecords }, service, text)
      return (
        token && {
          kind: 'InitialAccessToken',
          jti: text,
          iat: Math.floor(token.createdAt / 1000),
          exp: Math.floor(token.expiresAt / 1000),
        }
      )
    },
  }
}

const never = async () => undefined
const noArtifacts: Adapter = {
  find: never,
  findByUid: never,
  findByUserCode: never,
  consume: never,
  destroy: never,
  revokeByGrantId: never,
  upsert: never,
}

const secretMethods = ['client_secret_basic', 'client_secret_post']

function partsOf(payload: AdapterPayload) {
  const { client_id, client_id_issued_at, client_secret, client_secret_expires_at, ...metadata } = payload
  const hasSecret =
    secretMethods.includes(String(payload['token_endpoint_auth_method'])) && typeof client_secret === 'string'
  return { metadata, secret: hasSecret ? new Secret(client_secret) : undefined }
}

function idOf(clientId: string): RegisteredAppId {
  const id = parseId('app', clientId)
  if (id === undefined) throw new Error('a client registers itself under an id that is no app’s')
  return id
}

function actorOfApp({ organizationId }: Service, id: string, { requestId, address }: Exchange): Actor {
  return { kind: 'system', id, organizationId, requestId, address }
}
