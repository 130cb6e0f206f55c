import type { Provider } from 'oidc-provider'
import { isApp } from '../client-keys/client-key.ts'
import { findClientKey } from '../client-keys/find-client-key.ts'
import { type App, appOfKey, appThatSays } from '../consents/app.ts'
import { parseId } from '../ids.ts'
import { organizations } from '../organizations/organization.ts'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'
import { apiScopesOf } from './registration.ts'

/** The app with this `client_id` at the service, if there is one. */
export async function findApp(
  records: Records,
  service: Service,
  clients: Pick<Provider, 'Client'>,
  clientId: string,
): Promise<App | undefined> {
  const keyId = parseId('key', clientId)
  if (keyId === undefined) return appOfClient(clients, clientId)
  const key = await findClientKey(records, keyId)
  if (key?.serviceId !== service.id || !isApp(key)) return undefined
  const organization = await records.find(key.organizationId, organizations, key.organizationId)
  return organization && appOfKey(key, organization)
}

/** An app that registered itself, or is a document at its address. */
async function appOfClient({ Client }: Pick<Provider, 'Client'>, clientId: string): Promise<App | undefined> {
  const client = await Client.find(clientId)
  if (client === undefined) return undefined
  const { clientName, redirectUris = [], tokenEndpointAuthMethod, jwks, jwksUri } = client
  return appThatSays({
    ...{ clientId, name: clientName, redirectUris: [...redirectUris] },
    isConfidential: tokenEndpointAuthMethod !== 'none',
    apiScopes: apiScopesOf(client) ?? [],
    keys: [jwks?.keys ?? [], jwksUri ?? null],
  })
}
