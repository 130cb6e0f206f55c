import type { Mail } from '../mail/mail.ts'
import { linkHours } from './one-time-link.ts'

interface Invited {
  readonly to: string
  readonly organization: string
  readonly service: string
  readonly address: string
}

const lines = (...text: readonly string[]) => `${text.join('\n')}\n`
const ignore = 'If you did not expect this mail, you need not do anything.'

export function invitationMail({ to, organization, service, address }: Invited): Mail {
  return {
    to,
    subject: `${organization} has invited you to ${service}`,
    text: lines(
      `${organization} has made an account for you at ${service}.`,
      '',
      'To begin, open this address and choose a password:',
      '',
      address,
      '',
      `It can be used once, within ${linkHours.invitation} hours. After that, ask who invited you for another one.`,
      ignore,
    ),
  }
}

interface Reset {
  readonly to: string
  readonly service: string
  /** One for each organization in which the person has an account. */
  readonly accounts: readonly { readonly organization: string; readonly address: string }[]
}

export function resetMail({ to, service, accounts }: Reset): Mail {
  const hours = linkHours.reset === 1 ? 'an hour' : `${linkHours.reset} hours`
  return {
    to,
    subject: `A new password for ${service}`,
    text: lines(
      `Somebody, most likely you, has asked for a new password at ${service}.`,
      '',
      'To choose one, open:',
      '',
      ...accounts.flatMap(({ organization, address }) => [
        `For your account at ${organization}:`,
        address,
        '',
      ]),
      `Each can be used once, within ${hours}. Your old password works until then.`,
      'If it was not you, you need not do anything.',
    ),
  }
}

export function codeMail(
  to: string,
  { code, service, minutes }: { readonly code: string; readonly service: string; readonly minutes: number },
): Mail {
  return {
    to,
    // Without the code: subjects are listed, and told in the audit trail, to who may not read the mail.
    subject: `Your code for ${service}`,
    text: lines(
      `To go on signing in at ${service}, type this code where you were asked for it:`,
      '',
      code,
      '',
      `It holds for ${minutes} minutes. Never tell it to anybody; we do not ask for it on the telephone.`,
      ignore,
    ),
  }
}

/** Told to who can still stop it, when it was not them. */
export function passwordChangedMail(to: string, { organization }: { readonly organization: string }): Mail {
  return {
    to,
    subject: 'Your password was changed',
    text: lines(
      `The password of your account at ${organization} was just changed, and you were signed out everywhere.`,
      '',
      'If it was not you, ask for a new password where you sign in, and tell an administrator of your organization.',
    ),
  }
}
