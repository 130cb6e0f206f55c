import { parseId } from '../../ids.ts'
import type { Service } from '../../services/service.ts'
import type { Records } from '../../storage/ports.ts'
import { usersByEmail } from '../../users/find-user.ts'
import type { AskedSubject, Subject } from '../asked-subject.ts'
import type { ServerDecider } from '../server-decider.ts'
import type { Properties } from './asked-request.ts'

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
 * user. What else there is of them, the store alone says.
 * @throws {DomainError} `stale_bundle`
 */
export async function findSubject(
  { records, decider }: Deps,
  service: Service,
  { type, id }: AuthzenSubject,
  context: SubjectContext,
): Promise<Subject> {
  const { scope, proofChecked, organization, address, acceptTestKeys } = context
  const circumstances = { address, acceptTestKeys }
  const known = (asked: AskedSubject) => decider.subject(asked)
  switch (type) {
    case 'access_token':
      return await known({ kind: 'token', token: id, proofChecked, ...circumstances })
    case 'key':
      return parseId('key', id) === undefined
        ? nobody
        : await known({ kind: 'principal', id, scope, ...circumstances })
    case 'user': {
      const userId = parseId('usr', id) ?? (await userWithAddress(records, service, id, organization))
      return userId === undefined
        ? nobody
        : await known({ kind: 'principal', id: userId, scope, ...circumstances })
    }
    default:
      return nobody
  }
}

/** The one user of the service with this address; several organizations may have one, each their own. */
async function userWithAddress(
  records: Records,
  service: Service,
  email: string,
  organization: string | undefined,
): Promise<string | undefined> {
  if (!email.includes('@')) return undefined
  const users = await usersByEmail(records, email)
  const [only, ...others] = users.filter(
    ({ organizationId, roles }) =>
      (organization === undefined || organizationId === organization) &&
      roles.some(({ serviceId }) => serviceId === service.id),
  )
  return others.length === 0 ? only?.id : undefined
}
