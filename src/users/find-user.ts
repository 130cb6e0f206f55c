import type { UserId } from '../ids.ts'
import type { Records } from '../storage/ports.ts'
import { foldEmail, type User, users } from './user.ts'

/** So many organizations may know one address; more are not looked at. */
const placesMax = 100

/** Finds a user by its id alone, whichever organization it is in: for whoever only knows what a token says. */
export async function findUser(records: Records, id: UserId): Promise<User | undefined> {
  const [place] = await records.locate(users, 'id', id, { limit: 1 })
  return place && (await records.find(place.organizationId, users, id))
}

/**
 * The people of any organization with this address. Does NOT say that the caller may know of them: only who has proven
 * the address may.
 */
export async function usersByEmail(records: Records, email: string): Promise<readonly User[]> {
  const places = await records.locate(users, 'emailAnywhere', foldEmail(email), { limit: placesMax })
  const found = await Promise.all(places.map((one) => records.find(one.organizationId, users, one.id)))
  return found.filter((one) => one !== undefined)
}
