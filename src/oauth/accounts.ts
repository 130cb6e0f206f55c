import type { Commit } from '../audit/record.ts'
import type { Clock, Random } from '../clock.ts'
import { QuotaCounter } from '../http/quota.ts'
import type { NewId, ServiceId } from '../ids.ts'
import type { SendMail } from '../mail/mail.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { Artifacts, CommitChanges, Records } from '../storage/ports.ts'
import type { PasswordHasher } from '../users/argon2.ts'
import { acceptInvitation, resetPassword } from '../users/choose-password.ts'
import { type CodeAnswer, checkEmailCode, sendEmailCode } from '../users/email-code.ts'
import { type FoundLink, findLink, type LinkPurpose } from '../users/one-time-link.ts'
import { type Arrived, requestReset } from '../users/request-reset.ts'
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
  requestReset(asked: { readonly email: string; readonly serviceId: ServiceId }, arrived: Arrived): void
  findLink(serviceId: ServiceId, purpose: LinkPurpose, text: string): Promise<FoundLink>
  /** The person of the link has a password of their own choice from now on, and is let in with it. */
  choosePassword(purpose: LinkPurpose, chosen: Chosen, arrived: Arrived): Promise<User>
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
  readonly commit: Commit
  readonly keep: CommitChanges
  readonly secrets: Secrets
  readonly hasher: PasswordHasher
  readonly sendMail: SendMail
  readonly clock: Clock
  readonly random: Random
  readonly newId: NewId
  readonly origin: string
  readonly onFault: (cause: unknown, requestId: string) => void
}

const countedMax = 50_000
const counter = (name: string, requests: number, windowSeconds: number) =>
  new QuotaCounter(name, { requests, windowSeconds }, countedMax)

/** Counted in this node's own memory, all services together. */
export function accountsOf(given: Deps): Accounts {
  const deps = {
    ...given,
    tries: { byPerson: counter('password', 10, 900), byAddress: counter('passwords', 200, 900) },
    mails: { byEmail: counter('mails-to', 5, 900), byAddress: counter('mails-from', 60, 900) },
  }
  return {
    tryPassword: (user, tried) => tryPassword(deps, user, tried),
    sendCode: (to, from) => sendEmailCode(deps, { ...to, purpose: 'discovery' }, from),
    checkCode: (code) => checkEmailCode(deps, { ...code, purpose: 'discovery' }),
    requestReset: (asked, arrived) => {
      const afterwards = (work: () => Promise<void>) => {
        work().catch((cause: unknown) => given.onFault(cause, arrived.requestId))
      }
      requestReset({ ...deps, afterwards }, asked, arrived)
    },
    findLink: (serviceId, purpose, text) => findLink(deps, serviceId, purpose, text),
    choosePassword: (purpose, chosen, arrived) =>
      purpose === 'invitation'
        ? acceptInvitation(deps, chosen, arrived)
        : resetPassword(deps, chosen, arrived),
  }
}
