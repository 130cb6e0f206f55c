import { errors, type Provider } from 'oidc-provider'
import { parseId } from '../ids.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import { type LibraryClient, makeLogoutToken } from './library-overrides.ts'
import type { AppInSession } from './sessions.ts'

type Deps = Pick<IssuerDeps, 'deliveries' | 'random'>

/** An app, and the session that has ended; without one, all that it does for the person has. */
interface Told extends Pick<AppInSession, 'clientId'> {
  readonly sid: string | undefined
}

/** Tells an app that somebody has signed out, if it wants to know (OpenID Connect Back-Channel Logout 1.0 §2.2). */
export async function tellApp(
  deps: Deps,
  provider: Provider,
  accountId: string,
  { clientId, sid }: Told,
): Promise<void> {
  const client = await provider.Client.find(clientId).catch((cause: unknown) => {
    // A document that is not at its address any more.
    if (cause instanceof errors.OIDCProviderError) return undefined
    throw cause
  })
  if (client !== undefined) tellClient(deps, provider, client, accountId, sid)
}

/** @param accountId the person's */
export function tellClient(
  { deliveries, random }: Deps,
  provider: Provider,
  client: LibraryClient,
  accountId: string,
  sid: string | undefined,
): void {
  const { clientId, backchannelLogoutUri: url, backchannelLogoutSessionRequired: needsSid } = client
  // An app that brings itself may insist on sessions; of an organization's key it is us who say so.
  const insists = needsSid === true && parseId('key', clientId) === undefined
  if (url === undefined || (sid === undefined && insists)) return
  deliveries.post(url, async () => {
    const jti = Buffer.from(random(16)).toString('base64url')
    const claims = { sub: accountId, jti, ...(sid !== undefined && { sid }) }
    return new URLSearchParams({ logout_token: await makeLogoutToken(provider, client, claims) })
  })
}
