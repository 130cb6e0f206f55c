import { z } from 'zod'
import type { Credential } from './client-credential.ts'
import { Failure } from './failure.ts'
import { reach } from './management-api.ts'

const Granted = z.object({ access_token: z.string() })
const Refused = z.object({ error: z.string(), error_description: z.string().optional() })

/** Exchanges a client key for an access token (RFC 6749 §4.4), once. */
export async function fetchAccessToken(
  server: string,
  endpoint: string,
  credential: Credential,
  scope?: string,
): Promise<string> {
  const { clientId, clientSecret } = credential
  const response = await reach(server, new URL(endpoint), {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      ...(scope === undefined ? {} : { scope }),
    }),
  })
  const body: unknown = await response.json().catch(() => undefined)
  const granted = Granted.safeParse(body)
  if (response.ok && granted.success) return granted.data.access_token
  const refused = Refused.safeParse(body)
  throw refused.success
    ? new Failure(`no token for ${clientId}: ${refused.data.error_description ?? refused.data.error}`, {
        exitCode: 1,
        fix: fixFor(refused.data.error),
      })
    : new Failure(`${endpoint} answered ${response.status} without saying why`, {
        exitCode: 1,
        fix: 'check that --server names Latchkey itself, and look into its log',
      })
}

function fixFor(error: string): string {
  switch (error) {
    case 'invalid_client':
      return 'the key may be revoked, disabled, expired, rotated out, or of another server or service; check --key-file and --server'
    case 'invalid_scope':
      return 'ask only for scopes within the role of the key'
    default:
      return 'look the error up in RFC 6749 §5.2, and into the server’s log'
  }
}
