import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { MailId, OrganizationId } from '../ids.ts'
import { sealedUnder } from '../secrets/sealed-under.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { Collection, Records, Stored } from '../storage/ports.ts'

/** A mail in plain text. */
export interface Mail {
  readonly to: string
  /** Listed, and told in the audit trail: without anything that lets somebody in. */
  readonly subject: string
  readonly text: string
}

/** Resolves when the mail is kept durably; it is delivered afterwards, so that the time tells nobody anything. */
export type SendMail = (mail: Mail) => Promise<void>

/** `waiting`: for delivery, or, where no SMTP server is set, for the operator to read it. */
export type MailState =
  | {
      readonly kind: 'waiting'
      /** Until then one node is at it; absent: no node is. */
      readonly claimedUntilAt?: EpochMs
    }
  | { readonly kind: 'refused'; readonly refusedAt: EpochMs; readonly why: string }

/** A mail that is not delivered: kept for the operator, whose own it is. */
export interface KeptMail extends Stored {
  readonly id: MailId
  /** A `Mail` as JSON, sealed under the label `mails` and bound to the id: it holds links that let people in. */
  readonly sealed: string
  readonly state: MailState
  readonly createdAt: EpochMs
}

export const keptMails: Collection<KeptMail> = {
  name: 'kept_mails',
  schema: z.custom<KeptMail>((value) => typeof value === 'object' && value !== null),
  indexes: {
    all: { keys: () => [''] },
    waiting: { keys: ({ state }) => (state.kind === 'waiting' ? [''] : []) },
    sealedUnder: sealedUnder((mail) => [mail.sealed]),
  },
}

const Content = z.object({ to: z.string(), subject: z.string(), text: z.string() })

export function openMail(secrets: Secrets, { id, sealed }: KeptMail): Mail {
  return Content.parse(JSON.parse(secrets.open('mails', id, sealed).toString()))
}

/** @throws {DomainError} `mail_not_found` */
export async function getMail(records: Records, operatorId: OrganizationId, id: MailId): Promise<KeptMail> {
  const mail = await records.find(operatorId, keptMails, id)
  if (mail === undefined) throw new DomainError('mail_not_found', `no mail ${id}`)
  return mail
}
