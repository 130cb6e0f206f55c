import type { ClientKeyId } from '../ids.ts'
import type { Records } from '../storage/ports.ts'
import { type ClientKey, clientKeys } from './client-key.ts'

/** Finds a key by its id alone, whichever organization has it: for whoever only knows what was presented. */
export async function findClientKey(records: Records, id: ClientKeyId): Promise<ClientKey | undefined> {
  const [place] = await records.locate(clientKeys, 'id', id, { limit: 1 })
  return place && (await records.find(place.organizationId, clientKeys, id))
}
