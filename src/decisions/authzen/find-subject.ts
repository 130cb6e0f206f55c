import { parseId } from '../../ids.ts'
import type { Service } from '../../services/service.ts'
import type { Records } from '../../storage/ports.ts'
import { usersByEmail } from '../../users/find-user.ts'
import type { User } from '../../users/user.ts'
import type { Subject, SubjectCaller } from '../asked-subject.ts'
import type { ServerDecider } from '../server-decider.ts'
import { tagsIn } from './described.ts'
import type { Properties } from './request-of-action.ts'

/** A subject of the AuthZEN API (§5.1). */
export interface AuthzenSubject {
  readonly type: string
  readonly id: string
  readonly properties?: Properties | undefined
}

/** What of a `context` says how a subject acts. */
export interface SubjectContext {
  /** Of a user: what the app may do that acts for them. */
  readonly scope?: readonly string[] | undefined
  readonly address?: string | undefined
  readonly proofChecked?: boolean | undefined
  readonly acceptTestKeys?: boolean | undefined
  /** Which of several organizations, where each has a user of one address. */
  readonly organization?: string | undefined
  /** Whoever asks puts a filter over the response. */
  readonly canFilter?: boolean | undefined
}

interface Deps {
  readonly records: Records
  readonly decider: ServerDecider
}

const nobody: Subject = {
  kind: 'refused',
  reason: 'invalid_token',
  detail: 'There is no such subject that may use the service now.',
}

/**
 * Who a subject is: `access_token` by the token, `key` by the id of a client key, `user` by the id or the address of a
 * user. What else there is of them, the store alone says; the properties of a user whom the service does not know are tags.
 * @throws {DomainError} `stale_bundle`
 */
export async function findSubject(
  { records, decider }: Deps,
  service: Service,
  asked: AuthzenSubject,
  context: SubjectContext,
): Promise<Subject> {
  const { type, id } = asked
  const { scope, proofChecked, address, acceptTestKeys } = context
  const principal = (known: string) =>
    decider.subject({ kind: 'principal', id: known, scope, address, acceptTestKeys })
  switch (type) {
    case 'access_token':
      return await decider.subject({ kind: 'token', token: id, proofChecked, address, acceptTestKeys })
    case 'key':
      return parseId('key', id) === undefined ? nobody : await principal(id)
    case 'user': {
      if (parseId('usr', id) !== undefined) return await principal(id)
      const users = await usersWithAddress(records, service, asked, context)
      const [only, ...others] = users
      if (only === undefined) return unknownUser(service, asked, context)
      // Several organizations may have a user of one address, each their own: which, must be said then.
      return others.length === 0 ? await principal(only.id) : nobody
    }
    default:
      return nobody
  }
}

/** Those who have a role at the service. Of others its owner is not told whether they are anywhere. */
async function usersWithAddress(
  records: Records,
  { id: serviceId, authzen }: Service,
  { id }: AuthzenSubject,
  { organization }: SubjectContext,
): Promise<readonly User[]> {
  const isAddress = id.includes('@')
  if (!isAddress && authzen?.userDomain === undefined) return []
  const users = await usersByEmail(records, isAddress ? id : `${id}@${authzen?.userDomain}`)
  return users.filter(
    ({ organizationId, roles }) =>
      (organization === undefined || organizationId === organization) &&
      roles.some((role) => role.serviceId === serviceId),
  )
}

function unknownUser(
  { authzen, organizationId }: Service,
  { id, properties }: AuthzenSubject,
  { scope }: SubjectContext,
): Subject {
  const role = authzen?.unknownUsersRole
  if (role === undefined) return nobody
  const caller: SubjectCaller = {
    ...{ kind: 'user', id, organizationId, clientId: id, roles: [role], claims: {} },
    ...(properties === undefined ? {} : { tags: tagsIn(properties) }),
    ...(scope === undefined ? { inPerson: true } : { scope }),
  }
  return { kind: 'caller', caller }
}

/** How a user is called where `findSubject` finds them again: as the service's own users are, or by the id. */
export function nameOfUser({ authzen }: Service, { id, email }: User): string {
  const [name, domain] = [email.slice(0, email.lastIndexOf('@')), email.slice(email.lastIndexOf('@') + 1)]
  return domain.toLowerCase() === authzen?.userDomain && !name.includes('@') ? name : id
}
