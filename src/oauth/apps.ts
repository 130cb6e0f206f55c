import { isApp } from '../client-keys/client-key.ts'
import { findClientKey } from '../client-keys/find-client-key.ts'
import { type App, appOfKey } from '../consents/app.ts'
import { parseId } from '../ids.ts'
import { organizations } from '../organizations/organization.ts'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'

/** The app with this `client_id` at the service, if there is one. */
export async function findApp(
  records: Records,
  service: Service,
  clientId: string,
): Promise<App | undefined> {
  const keyId = parseId('key', clientId)
  const key = keyId && (await findClientKey(records, keyId))
  if (key?.serviceId !== service.id || !isApp(key)) return undefined
  const organization = await records.find(key.organizationId, organizations, key.organizationId)
  return organization && appOfKey(key, organization)
}
