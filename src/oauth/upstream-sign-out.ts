import { z } from 'zod'
import { findConnection, postLogoutRedirectUriOf } from '../connections/connection.ts'
import { hasCode } from '../errors.ts'
import type { ConnectionId } from '../ids.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import type { UpstreamSession } from './library-overrides.ts'

type Deps = Pick<IssuerDeps, 'storedRecords' | 'secrets' | 'clock' | 'upstream' | 'origin'>

/** Where a browser goes on when it comes back; sealed, so that nobody can send it anywhere. */
const Onward = z.object({ next: z.string(), endsAt: z.number() })
const onwardMs = 30 * 60_000

function boundTo(connectionId: ConnectionId): string {
  return `signed-out\0${connectionId}`
}

/**
 * Where somebody who has signed out here goes: to the provider's own sign-out, if the connection asks for it (OpenID
 * Connect RP-Initiated Logout 1.0 §2), and from there to `next`. `undefined`: there is nothing to do there.
 * @param next an address of ours, or one that the app has registered
 */
export async function signOutUpstream(
  deps: Deps,
  session: UpstreamSession | undefined,
  next: string,
): Promise<string | undefined> {
  const connection = session && (await findConnection(deps.storedRecords, session.connectionId))
  if (connection?.signOut !== 'upstream' || connection.state.kind !== 'active') return undefined
  const { id } = connection
  const onward: z.output<typeof Onward> = { next, endsAt: deps.clock() + onwardMs }
  const sealed = deps.secrets.seal('cookies', boundTo(id), JSON.stringify(onward))
  try {
    return await deps.upstream.logoutUrl(connection, {
      idTokenHint: session?.idToken,
      postLogoutRedirectUri: postLogoutRedirectUriOf(deps.origin, id),
      state: Buffer.from(sealed).toString('base64url'),
    })
  } catch (cause) {
    if (!hasCode(cause, 'sign_in_refused') && !hasCode(cause, 'connection_state')) throw cause
    // A provider that is down keeps nobody here, where the session is over already.
    return undefined
  }
}

/** Where the browser that comes back from the provider's sign-out goes on; `undefined`: nobody of ours has sent it. */
export function onwardFrom(
  { secrets, clock }: Pick<Deps, 'secrets' | 'clock'>,
  connectionId: ConnectionId,
  state: unknown,
): string | undefined {
  if (typeof state !== 'string') return undefined
  try {
    const sealed = Buffer.from(state, 'base64url').toString()
    const text = secrets.open('cookies', boundTo(connectionId), sealed).toString()
    const { next, endsAt } = Onward.parse(JSON.parse(text))
    return clock() < endsAt ? next : undefined
  } catch {
    return undefined
  }
}
