import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { NewId } from '../ids.ts'
import { revoke } from '../revocations/revocation.ts'
import { remove } from '../storage/ports.ts'
import { type Consent, consents } from './consent.ts'

/** Destroys codes, refresh tokens and opaque tokens of a grant; nothing finds a grant without its consent before that. */
export type DestroyArtifacts = (consent: Consent) => Promise<void>

interface Deps {
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
  readonly destroyArtifacts: DestroyArtifacts
}

/**
 * `taken_back` by the person, `ended` by an administrator; `used_twice` when a code or refresh token of it has leaked;
 * `given_back` by the app, which needs it no more; `app_gone` when the app was deleted, `user_gone` when the person was.
 */
export type EndReason = 'taken_back' | 'ended' | 'used_twice' | 'given_back' | 'app_gone' | 'user_gone'

/**
 * The app may do nothing more in the person's name: every token of the grant ends, everywhere.
 * @throws {DomainError} `conflict` if it was changed or ended meanwhile
 */
export async function endConsent(deps: Deps, by: Actor, consent: Consent, reason: EndReason): Promise<void> {
  const { id, organizationId, serviceId, userId, clientId, appName } = consent
  const details = { user_id: userId, service_id: serviceId, client_id: clientId, app: appName, reason }
  await deps.commit({ type: 'consent.ended', organizationId, target: id, by, details }, [
    remove(consents, consent),
    revoke(deps.newId, deps.clock(), { organizationId, serviceId, ended: { kind: 'grant', grantId: id } }),
  ])
  await deps.destroyArtifacts(consent)
}
