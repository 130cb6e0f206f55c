import type { Actor } from '../audit/record.ts'
import { DomainError } from '../errors.ts'
import type { ServiceId } from '../ids.ts'
import { organizations } from '../organizations/organization.ts'
import { findService } from '../services/find-service.ts'
import { usersByEmail } from './find-user.ts'
import { resetMail } from './mail-texts.ts'
import { resetAccount, type sendReset } from './send-link.ts'
import type { Tries } from './tries.ts'
import { foldEmail, type User, userRefusal } from './user.ts'

type Deps = Parameters<typeof sendReset>[0] & {
  /** Does the work when the answer is on its way; faults go to the operator's log. */
  readonly afterwards: (work: () => Promise<void>) => void
  readonly mails: MailLimits
}

/** Mails that strangers may cause: each costs a mail, and a mailbox's owner some patience. */
export interface MailLimits {
  readonly byAddress: Tries
  /** To one mailbox at one client's wish: few, so that who asks again and again leaves others some. */
  pair(address: string): Tries
  readonly byEmail: Tries
}

/** Whether a mailbox may have another mail at this client's wish. Told to nobody who asks. */
export async function mayHaveMail(mails: MailLimits, email: string, address: string): Promise<boolean> {
  const folded = foldEmail(email)
  if ((await mails.pair(address).take(folded)).isSpent) return false
  return !(await mails.byEmail.take(folded)).isSpent
}

/** The request of somebody who is not signed in. */
export interface Arrived {
  readonly requestId: string
  /** The client's address by trusted hop. */
  readonly address: string
}

/**
 * Somebody has forgotten a password: whoever has the address gets one mail, with a link for each account that has a
 * password. The answer, and its time, are the same whether or not anybody has it.
 * @throws {DomainError} `rate_limited`, by the client's address alone
 */
export async function requestReset(
  deps: Deps,
  { email, serviceId }: { readonly email: string; readonly serviceId: ServiceId },
  arrived: Arrived,
): Promise<void> {
  const standing = await deps.mails.byAddress.take(arrived.address)
  if (standing.isSpent)
    throw new DomainError('rate_limited', 'too many mails were asked for from your address', {
      fix: `Try again in ${standing.seconds} seconds.`,
    })
  if (!(await mayHaveMail(deps.mails, email, arrived.address))) return
  deps.afterwards(() => sendResets(deps, email, serviceId, arrived))
}

async function sendResets(deps: Deps, email: string, serviceId: ServiceId, arrived: Arrived): Promise<void> {
  const service = await findService(deps.records, serviceId)
  const found = await usersByEmail(deps.records, email)
  const [first] = found
  if (service === undefined || first === undefined) return
  const accounts = []
  for (const user of found)
    if (await mayReset(deps, user))
      accounts.push(await resetAccount(deps, asker(user, arrived), user, service))
  // To the address that is kept, not to the one that was typed: RFC 5321 lets the letter case of two differ.
  if (accounts.length > 0)
    await deps.sendMail(resetMail({ to: first.email, service: service.title, accounts }))
}

async function mayReset({ records }: Deps, user: User): Promise<boolean> {
  const organization = await records.find(user.organizationId, organizations, user.organizationId)
  return user.password !== undefined && userRefusal(user, organization) === undefined
}

/** Nobody has proven to be the user yet. */
function asker({ organizationId }: User, { requestId, address }: Arrived): Actor {
  return { kind: 'system', id: 'password-reset', organizationId, requestId, address }
}
