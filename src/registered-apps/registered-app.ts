import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { RegisteredAppId, ServiceId } from '../ids.ts'
import { sealedUnder } from '../secrets/sealed-under.ts'
import type { Service } from '../services/service.ts'
import type { Collection, Records, Stored } from '../storage/ports.ts'

/** What an app has said of itself (RFC 7591 §2), checked; never its secret. */
export type AppMetadata = Readonly<Record<string, unknown>>

/**
 * An app that has registered itself at a service (RFC 7591). No organization answers for it and it has no role: it only
 * acts for people. It is kept in the organization that owns the service.
 */
export interface RegisteredApp extends Stored {
  /** Also its `client_id`. */
  readonly id: RegisteredAppId
  readonly serviceId: ServiceId
  readonly metadata: AppMetadata
  /** SHA-256 of its secret, sealed under the label `client-secrets` and bound to the id; absent if it has none. */
  readonly sealedHash?: string
  /** Raised when its tokens must end; they carry it in `ver`. */
  readonly authority: number
  /** It registered where anybody may; nobody had to let it in. */
  readonly isOpen?: true
  readonly createdAt: EpochMs
  /** When it last said something new of itself. */
  readonly changedAt?: EpochMs
}

export const registeredApps: Collection<RegisteredApp> = {
  name: 'registered_apps',
  schema: z.custom<RegisteredApp>((value) => typeof value === 'object' && value !== null),
  indexes: {
    id: { keys: (app) => [app.id], unique: true, deploymentWide: true },
    open: { keys: ({ isOpen }) => (isOpen === true ? [''] : []), deploymentWide: true },
    service: { keys: (app) => [app.serviceId], deploymentWide: true },
    sealedUnder: sealedUnder(({ sealedHash }) => (sealedHash === undefined ? [] : [sealedHash])),
  },
}

/** Finds an app by its id alone, as it stands in requests and tokens. */
export async function findRegisteredApp(
  records: Records,
  id: RegisteredAppId,
): Promise<RegisteredApp | undefined> {
  const [place] = await records.locate(registeredApps, 'id', id, { limit: 1 })
  return place && (await records.find(place.organizationId, registeredApps, id))
}

/** @throws {DomainError} `app_not_found`, also for an app of another service */
export async function getRegisteredApp(
  records: Records,
  service: Service,
  id: RegisteredAppId,
): Promise<RegisteredApp> {
  const app = await records.find(service.organizationId, registeredApps, id)
  if (app?.serviceId !== service.id) throw new DomainError('app_not_found', `no app ${id}`)
  return app
}
