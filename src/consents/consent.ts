import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { GrantId, OrganizationId, ServiceId, UserId } from '../ids.ts'
import type { Collection, Records, Stored } from '../storage/ports.ts'

/**
 * What a person lets an app do in their name at one service: one for each person and app. Its id is the `grant_id` of
 * every token that it lets the app have. It is kept in the person's organization.
 */
export interface Consent extends Stored {
  readonly id: GrantId
  readonly serviceId: ServiceId
  readonly userId: UserId
  /** The app's client key, or its registered id or address. */
  readonly clientId: string
  /** Names of service-defined roles, and of what the app may learn of the person (`openid`, `email`, …). */
  readonly scopes: readonly string[]
  /** As the page showed the app, for lists when it is gone. */
  readonly appName: string
  /** What the app was like: an app that has changed is not the one that the person knew. */
  readonly appFingerprint: string
  /** The person is not asked again for the same. */
  readonly remembered: boolean
  readonly grantedAt: EpochMs
}

export const consents: Collection<Consent> = {
  name: 'consents',
  schema: z.custom<Consent>((value) => typeof value === 'object' && value !== null),
  indexes: {
    all: { keys: () => [''] },
    id: { keys: (consent) => [consent.id], unique: true, deploymentWide: true },
    pair: { keys: (consent) => [pairKey(consent)], unique: true },
    user: { keys: (consent) => [consent.userId] },
    client: { keys: (consent) => [consent.clientId] },
    clientAnywhere: { keys: (consent) => [consent.clientId], deploymentWide: true },
    service: { keys: (consent) => [consent.serviceId], deploymentWide: true },
  },
}

/** Who lets what act, and where. */
export type Pair = Pick<Consent, 'userId' | 'serviceId' | 'clientId'>

function pairKey({ userId, serviceId, clientId }: Pair): string {
  return `${userId}/${serviceId}/${clientId}`
}

/** Finds a consent by its id alone: for whoever only knows what a code or a token says. */
export async function findConsent(records: Records, id: GrantId): Promise<Consent | undefined> {
  const [place] = await records.locate(consents, 'id', id, { limit: 1 })
  return place && (await records.find(place.organizationId, consents, id))
}

/** Whether anybody lets the app act in their name now. */
export function hasConsents(records: Records): (app: { readonly id: string }) => Promise<boolean> {
  return async ({ id }) => (await records.locate(consents, 'clientAnywhere', id, { limit: 1 })).length > 0
}

/** What the person lets the app do now, remembered or not. */
export async function consentOf(
  records: Records,
  organizationId: OrganizationId,
  pair: Pair,
): Promise<Consent | undefined> {
  const [found] = await records.list(organizationId, consents, 'pair', pairKey(pair), { limit: 1 })
  return found
}

/** @throws {DomainError} `consent_not_found` */
export async function getConsent(
  records: Records,
  organizationId: OrganizationId,
  id: GrantId,
): Promise<Consent> {
  const consent = await records.find(organizationId, consents, id)
  if (consent === undefined) throw new DomainError('consent_not_found', `no consent ${id}`)
  return consent
}
