import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { NewId, OrganizationId, ServiceId, UserId } from '../ids.ts'
import { type Change, insert, type Records, update } from '../storage/ports.ts'
import { type App, isRecognizable } from './app.ts'
import { type Consent, consentOf, consents } from './consent.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

export interface Given {
  readonly organizationId: OrganizationId
  readonly userId: UserId
  readonly serviceId: ServiceId
  readonly app: App
  readonly scopes: readonly string[]
}

/**
 * The person lets the app do this too; what they let it do before stays, unless it is no longer the same app.
 * @param deps its `records` the store itself, not a cache
 * @throws {DomainError} `conflict` if two pages of the same person are answered at once
 */
export async function giveConsent(deps: Deps, by: Actor, given: Given): Promise<Consent> {
  const { organizationId, userId, serviceId, app } = given
  const pair = { userId, serviceId, clientId: app.clientId }
  const before = await consentOf(deps.records, organizationId, pair)
  const known = before?.appFingerprint === app.fingerprint ? before.scopes : []
  const scopes = [...new Set([...known, ...given.scopes])]
  const said = {
    scopes,
    appName: app.name,
    appFingerprint: app.fingerprint,
    remembered: isRecognizable(app),
    grantedAt: deps.clock(),
  }
  const after: Consent =
    before === undefined
      ? { ...pair, ...said, id: deps.newId('gra'), organizationId, version: 1 }
      : { ...before, ...said, version: before.version + 1 }
  const change: Change = before === undefined ? insert(consents, after) : update(consents, before, after)
  const details = { user_id: userId, service_id: serviceId, client_id: app.clientId, app: app.name, scopes }
  await deps.commit({ type: 'consent.given', organizationId, target: after.id, by, details }, [change])
  return after
}
