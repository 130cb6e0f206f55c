import { Command } from 'commander'
import { at, type Paging } from './management-api.ts'
import { organizationIdOf, userIdOf } from './named.ts'
import { ofOrganization, paged } from './options.ts'
import type { Open } from './session.ts'

interface Whose {
  readonly organization?: string
}

const fields = ['id', 'user_id', 'client_id', 'app', 'scopes', 'granted_at']

export function consentsCommand(open: Open): Command {
  const group = new Command('consents').description(
    'what people of an organization have let apps do for them',
  )
  paged(ofOrganization(group.command('list')))
    .option('--user <id or e-mail>', 'of this person alone')
    .option('--app <client-id>', 'to this app alone; not together with --user')
    .description('which app may do what, for whom')
    .action(async (options: Whose & Paging & { user?: string; app?: string }) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const { user, app } = options
      const query = { user: user && (await userIdOf(session, id, user)), client_id: app }
      const page = await session.api.list(at`/organizations/${id}/consents`, options, query)
      session.output.list(page, fields, 'No app acts for anybody.')
    })
  ofOrganization(group.command('end').argument('<consent>', 'its id'))
    .description('end one: the tokens that the app has for this person stop at once')
    .action(async (consent: string, options: Whose) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      await session.api.send('DELETE', at`/organizations/${id}/consents/${consent}`)
      session.output.say(`Ended ${consent}.`)
    })
  return group
}
