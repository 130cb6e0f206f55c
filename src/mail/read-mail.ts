import type { Actor, Commit } from '../audit/record.ts'
import type { MailId, OrganizationId } from '../ids.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { type Records, remove } from '../storage/ports.ts'
import { getMail, type KeptMail, keptMails, type Mail, openMail } from './mail.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly secrets: Secrets
}

/**
 * What a kept mail says. It may hold a link that lets its reader in as somebody else, so each reading is told before
 * anything is shown.
 * @throws {DomainError} `mail_not_found`
 */
export async function readMail(
  { records, commit, secrets }: Deps,
  by: Actor,
  operatorId: OrganizationId,
  id: MailId,
): Promise<{ readonly kept: KeptMail; readonly mail: Mail }> {
  const kept = await getMail(records, operatorId, id)
  const mail = openMail(secrets, kept)
  const details = { to: mail.to, subject: mail.subject }
  await commit({ type: 'mail.read', organizationId: operatorId, target: id, by, details }, [])
  return { kept, mail }
}

/** @throws {DomainError} `mail_not_found`, `conflict` */
export async function deleteMail(
  { records, commit, secrets }: Deps,
  by: Actor,
  operatorId: OrganizationId,
  id: MailId,
): Promise<void> {
  const kept = await getMail(records, operatorId, id)
  const { to, subject } = openMail(secrets, kept)
  const told = {
    type: 'mail.deleted',
    organizationId: operatorId,
    target: id,
    by,
    details: { to, subject },
  } as const
  await commit(told, [remove(keptMails, kept)])
}
