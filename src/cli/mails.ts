import { Command } from 'commander'
import { at, type Paging } from './management-api.ts'
import { mailIdOf } from './named.ts'
import { paged } from './options.ts'
import type { Open } from './session.ts'
import { printable } from './table.ts'

export function mailsCommand(open: Open): Command {
  const group = new Command('mails').description('mails that were not delivered: without a mail server, all')
  paged(group.command('list').description('what waits here, for whom')).action(async (paging: Paging) => {
    const { api, output } = open()
    const page = await api.list('/mails', paging)
    output.list(page, ['id', 'to', 'subject', 'state', 'created_at'], 'No mail waits here.')
  })
  group
    .command('read')
    .argument('<mail>', 'id, or an address for the newest mail to it')
    .description('what it says; that you read it is told in the audit trail')
    .action(async (given: string) => {
      const session = open()
      const mail = await session.api.send('POST', at`/mails/${await mailIdOf(session, given)}/read`)
      if (session.output.json) session.output.show(mail)
      else for (const line of String(mail['text']).split('\n')) session.output.line(printable(line))
    })
  group
    .command('delete')
    .argument('<mail>', 'id, or an address for the newest mail to it')
    .description('delete it unread')
    .action(async (given: string) => {
      const session = open()
      await session.api.send('DELETE', at`/mails/${await mailIdOf(session, given)}`)
      session.output.say('Deleted the mail.')
    })
  return group
}
