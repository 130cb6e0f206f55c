import type { Client } from 'oidc-provider'
import { parseId } from '../ids.ts'

/** An app as pages of the library show it, by what its client says. */
export function appOnPage(client: Client) {
  const { clientId, clientName, redirectUris } = client
  const host = URL.parse(redirectUris?.[0] ?? clientId)?.host ?? ''
  return {
    name: clientName ?? (host === '' ? clientId : host),
    // An organization answers for its own keys; anything else has only said itself who it is.
    verified: parseId('key', clientId) !== undefined,
    redirectHost: host,
  }
}
