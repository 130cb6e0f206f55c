import type { UserId } from '../ids.ts'
import { type Organization, organizations } from '../organizations/organization.ts'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'
import { findUser } from '../users/find-user.ts'
import { type User, userRefusal } from '../users/user.ts'

/** A user who may be let in now, with the organization beside it. */
export interface Person {
  readonly user: User
  readonly organization: Organization
}

/** The person with this id, if they may be let in now: facts are looked up each time, so that nothing outlives them. */
export async function findPerson(records: Records, id: UserId): Promise<Person | undefined> {
  const user = await findUser(records, id)
  return user && (await admitted(records, user))
}

/** The user as a person who may be let in now. */
export async function admitted(records: Records, user: User): Promise<Person | undefined> {
  const organization = await records.find(user.organizationId, organizations, user.organizationId)
  if (organization === undefined || userRefusal(user, organization) !== undefined) return undefined
  return { user, organization }
}

/**
 * Whether a sign-in is over because its person has been signed out everywhere since.
 * @param signedInAt in seconds, rounded down
 */
export function isSignedOut({ user }: Person, signedInAt: number | undefined): boolean {
  const { signedOutAt } = user
  return signedOutAt !== undefined && signedInAt !== undefined && signedInAt * 1000 < signedOutAt
}

/** What the person holds on the service: names of service-defined roles, ids of organization-defined ones. */
export function rolesOn(service: Service, { user }: Person): readonly string[] {
  return user.roles.filter(({ serviceId }) => serviceId === service.id).map(({ role }) => role)
}
