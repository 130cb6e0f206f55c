import { z } from 'zod'
import { actorOf } from '../audit/actor.ts'
import { rfc3339 } from '../clock.ts'
import { DomainError } from '../errors.ts'
import { pageOf, pagingQuery, readPage } from '../http/paging.ts'
import { type Route, route } from '../http/route.ts'
import { type MailId, parseId } from '../ids.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { getMail, type KeptMail, keptMails, openMail } from './mail.ts'
import { deleteMail, readMail } from './read-mail.ts'

type Deps = Parameters<typeof readMail>[0]

const tag = 'Mails'
const onePath = '/mails/{mail}'
const params = { mail: "the mail's id" }

const MailBody = z.object({
  id: z.string(),
  to: z.string(),
  subject: z.string(),
  state: z
    .enum(['waiting', 'refused'])
    .describe(
      '`waiting`: for delivery, or without a mail server for you; `refused`: the server did not take it.',
    ),
  refused_at: z.string().nullable(),
  why: z.string().nullable().describe('What the mail server said.'),
  created_at: z.string(),
})
const ReadMailBody = MailBody.extend({ text: z.string() })

function present(secrets: Secrets, kept: KeptMail): z.input<typeof MailBody> {
  const { to, subject } = openMail(secrets, kept)
  const refused = kept.state.kind === 'refused' ? kept.state : undefined
  return {
    ...{ id: kept.id, to, subject, state: kept.state.kind },
    refused_at: refused === undefined ? null : rfc3339(refused.refusedAt),
    why: refused?.why ?? null,
    created_at: rfc3339(kept.createdAt),
  }
}

function mailIn(params: Readonly<Record<string, string>>): MailId {
  const id = parseId('mal', params['mail'] ?? '')
  if (id === undefined) throw new DomainError('mail_not_found', 'no such mail')
  return id
}

/** Mails that were not delivered: under no organization, so the operator's alone. */
export function mailRoutes(deps: Deps): readonly Route[] {
  const { records, secrets } = deps
  return [
    route({
      ...{ operationId: 'listMails', method: 'GET', path: '/mails', tag, params: {} },
      summary: 'List the mails that were not delivered',
      description: 'A delivered mail leaves the list. Those that nobody needs are forgotten after 30 days.',
      ...{ query: z.object(pagingQuery), status: 200, answer: pageOf(MailBody), errors: ['invalid_request'] },
      handle: async ({ organizationId, query }) => {
        const { items, nextCursor } = await readPage(query, (page) =>
          records.list(organizationId, keptMails, 'all', '', page),
        )
        return { body: { items: items.map((one) => present(secrets, one)), next_cursor: nextCursor } }
      },
    }),
    route({
      ...{ operationId: 'getMail', method: 'GET', path: onePath, tag, params },
      summary: 'Read about a mail that was not delivered',
      ...{ status: 200, answer: MailBody, errors: ['mail_not_found'] },
      handle: async ({ organizationId, params }) => {
        const kept = await getMail(records, organizationId, mailIn(params))
        return { body: present(secrets, kept), version: kept.version }
      },
    }),
    route({
      ...{ operationId: 'readMail', method: 'POST', path: `${onePath}/read`, tag, params },
      summary: 'Read what a mail says',
      description:
        'It may hold a link that lets its reader in as the one it is for, so this is not for who only views, and it is ' +
        'told in the audit trail.',
      ...{ status: 200, answer: ReadMailBody, errors: ['invalid_request', 'mail_not_found'] },
      handle: async ({ principal, organizationId, params }) => {
        const { kept, mail } = await readMail(deps, actorOf(principal), organizationId, mailIn(params))
        return { body: { ...present(secrets, kept), text: mail.text }, version: kept.version }
      },
    }),
    route({
      ...{ operationId: 'deleteMail', method: 'DELETE', path: onePath, tag, params },
      summary: 'Delete a mail that was not delivered',
      ...{ status: 204, errors: ['invalid_request', 'mail_not_found', 'conflict'] },
      handle: async ({ principal, organizationId, params }) => {
        await deleteMail(deps, actorOf(principal), organizationId, mailIn(params))
        return { body: undefined }
      },
    }),
  ]
}
