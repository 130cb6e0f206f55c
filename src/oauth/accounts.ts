import type { Commit } from '../audit/record.ts'
import type { Clock, Random } from '../clock.ts'
import type { AfterAnswers } from '../http/after-answers.ts'
import { countedAddress } from '../http/counted-address.ts'
import type { NewId, ServiceId } from '../ids.ts'
import type { SendMail } from '../mail/mail.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { Artifacts, CommitChanges, Counters, Records } from '../storage/ports.ts'
import type { PasswordHasher } from '../users/argon2.ts'
import {
  acceptInvitation,
  type CurrentAndNew,
  changePassword,
  resetPassword,
} from '../users/choose-password.ts'
import { type CodeAnswer, checkEmailCode, sendEmailCode } from '../users/email-code.ts'
import { type FoundLink, findLink, type LinkPurpose } from '../users/one-time-link.ts'
import { type Arrived, requestReset } from '../users/request-reset.ts'
import { storedTries, type Tries } from '../users/tries.ts'
import type { User } from '../users/user.ts'
import { type PasswordAnswer, type PasswordTry, tryPassword } from '../users/verify-password.ts'

/** How somebody proves who they are without a provider of their own. Errors as those of `src/users`. */
export interface Accounts {
  /** Takes as long when there is no user, or none has a password. */
  tryPassword(user: User | undefined, tried: PasswordTry): Promise<PasswordAnswer>
  /** Takes as long whether or not anybody has the address. */
  sendCode(
    to: { readonly email: string; readonly serviceId: ServiceId },
    from: Pick<Arrived, 'address'>,
  ): Promise<{ readonly codeId: string }>
  checkCode(given: {
    readonly codeId: string
    readonly code: string
    readonly serviceId: ServiceId
  }): Promise<CodeAnswer>
  /** Answers at once; whoever has the address gets a mail. */
  requestReset(
    asked: { readonly email: string; readonly serviceId: ServiceId },
    arrived: Arrived,
  ): Promise<void>
  findLink(serviceId: ServiceId, purpose: LinkPurpose, text: string): Promise<FoundLink>
  /** The person of the link has a password of their own choice from now on, and is let in with it. */
  choosePassword(purpose: LinkPurpose, chosen: Chosen, arrived: Arrived): Promise<User>
  /** Of who knows the current one; every session ends. */
  changePassword(user: User, wanted: CurrentAndNew, arrived: Arrived): Promise<User | PasswordAnswer>
}

interface Chosen {
  readonly serviceId: ServiceId
  readonly link: string
  readonly password: string
}

interface Deps {
  /** The store itself. */
  readonly records: Records
  readonly artifacts: Artifacts
  readonly counters: Counters
  readonly commit: Commit
  readonly keep: CommitChanges
  readonly secrets: Secrets
  readonly hasher: PasswordHasher
  readonly sendMail: SendMail
  readonly clock: Clock
  readonly random: Random
  readonly newId: NewId
  readonly origin: string
  readonly afterAnswers: AfterAnswers
  readonly onFault: (cause: unknown, requestId: string) => void
}

/** What strangers try is counted for all nodes and services together. */
export function accountsOf(given: Deps): Accounts {
  const most = (name: string, count: number) => storedTries(given, { name, most: count })
  // Whoever has one address of IPv6 has many.
  const mostFrom = (name: string, count: number): Tries => {
    const tries = most(name, count)
    return { take: (address) => tries.take(countedAddress(address)) }
  }
  const pairs = most('mails-to-from', 5)
  const deps = {
    ...given,
    tries: { byPerson: most('password', 10), byAddress: mostFrom('passwords', 200) },
    mails: {
      byAddress: mostFrom('mails-from', 60),
      pair: (address: string): Tries => ({ take: (to) => pairs.take(`${countedAddress(address)} ${to}`) }),
      byEmail: most('mails-to', 25),
    },
  }
  return {
    tryPassword: (user, tried) =>
      tryPassword(deps, user, { ...tried, address: countedAddress(tried.address) }),
    sendCode: (to, from) => sendEmailCode(deps, { ...to, purpose: 'discovery' }, from),
    checkCode: (code) => checkEmailCode(deps, { ...code, purpose: 'discovery' }),
    requestReset: (asked, arrived) => {
      const afterwards = (work: () => Promise<void>) =>
        given.afterAnswers.do(work, (cause) => given.onFault(cause, arrived.requestId))
      return requestReset({ ...deps, afterwards }, asked, arrived)
    },
    findLink: (serviceId, purpose, text) => findLink(deps, serviceId, purpose, text),
    choosePassword: (purpose, chosen, arrived) =>
      purpose === 'invitation'
        ? acceptInvitation(deps, chosen, arrived)
        : resetPassword(deps, chosen, arrived),
    changePassword: (user, wanted, arrived) =>
      changePassword(deps, user, { ...wanted, countedFrom: countedAddress(arrived.address) }, arrived),
  }
}
