import { Command, Option } from 'commander'
import { z } from 'zod'
import { at, type Paging } from './management-api.ts'
import { organizationIdOf } from './named.ts'
import { ofOrganization, paged, wholeNumber } from './options.ts'
import type { Open } from './session.ts'

interface Whose {
  readonly organization?: string
}

const Policy = z.looseObject({ approved: z.array(z.string()) })

export function appsCommand(open: Open): Command {
  const group = new Command('apps').description(
    'apps that act for people: which of them an organization allows, and which registered themselves',
  )
  addPolicy(group, open)
  addRegistered(group, open)
  addTokens(group, open)
  return group
}

function addPolicy(group: Command, open: Open): void {
  ofOrganization(group.command('policy'))
    .addOption(
      new Option(
        '--mode <mode>',
        'which third-party apps its people may let act for them; ask: an administrator approves each',
      ).choices(['all', 'approved', 'ask']),
    )
    .addOption(
      new Option('--unverified <rule>', 'apps that no organization answers for').choices([
        'ask',
        'deny',
        'allow',
      ]),
    )
    .description('show which apps people of an organization may use, or change that')
    .action(async (options: Whose & { mode?: string; unverified?: string }) => {
      const session = open()
      const { api, output } = session
      const id = await organizationIdOf(session, options.organization)
      const { mode, unverified } = options
      const body = { ...(mode && { mode }), ...(unverified && { unverified }) }
      const path = at`/organizations/${id}/apps`
      const isAsked = Object.keys(body).length === 0
      output.show(isAsked ? await api.get(path) : await api.send('PATCH', path, { body }))
    })
  const change = (
    name: 'approve' | 'disapprove',
    description: string,
    changed: (approved: readonly string[], app: string) => readonly string[],
  ) =>
    ofOrganization(group.command(name).argument('<client-id>', 'of the app').description(description)).action(
      async (app: string, options: Whose) => {
        const session = open()
        const id = await organizationIdOf(session, options.organization)
        const path = at`/organizations/${id}/apps`
        const { body: before, etag } = await session.api.read(path)
        const body = { approved: changed(Policy.parse(before).approved, app) }
        session.output.show(await session.api.send('PATCH', path, { body, ifMatch: etag }))
      },
    )
  change('approve', 'let people of an organization use an app, whatever its policy', (approved, app) => [
    ...new Set([...approved, app]),
  ])
  change(
    'disapprove',
    'take that back; what people have let it do goes on: `latchkey consents`',
    (all, app) => all.filter((one) => one !== app),
  )
}

const service = '<service>'
const serviceNamed = 'id or slug'

function addRegistered(group: Command, open: Open): void {
  paged(group.command('registered').argument(service, serviceNamed))
    .description('those that registered themselves at a service (RFC 7591)')
    .action(async (slug: string, paging: Paging) => {
      const { api, output } = open()
      const page = await api.list(at`/services/${slug}/apps`, paging)
      const fields = ['client_id', 'client_name', 'redirect_uris', 'scope', 'registered_at']
      output.list(page, fields, 'No app has registered itself there.')
    })
  group
    .command('delete')
    .argument(service, serviceNamed)
    .argument('<client-id>', 'of an app that registered itself')
    .description('delete it: its tokens end at once')
    .action(async (slug: string, app: string) => {
      const { api, output } = open()
      await api.send('DELETE', at`/services/${slug}/apps/${app}`)
      output.say(`Deleted ${app}.`)
    })
}

function addTokens(group: Command, open: Open): void {
  const tokens = group
    .command('tokens')
    .description('initial access tokens: with one, an app may register at a service that asks for it')
  paged(tokens.command('list').argument(service, serviceNamed))
    .description('those that work')
    .action(async (slug: string, paging: Paging) => {
      const { api, output } = open()
      const page = await api.list(at`/services/${slug}/initial-access-tokens`, paging)
      output.list(page, ['id', 'name', 'expires_at'], 'There are none.')
    })
  tokens
    .command('create')
    .argument(service, serviceNamed)
    .requiredOption('--name <name>', 'for whom it is')
    .option('--days <n>', 'how long it works; default 30', wholeNumber)
    .description('make one; it is shown once')
    .action(async (slug: string, { name, days }: { name: string; days?: string }) => {
      const { api, output } = open()
      const body = { name, ...(days === undefined ? {} : { days: Number(days) }) }
      output.show(await api.send('POST', at`/services/${slug}/initial-access-tokens`, { body }))
      output.say('Keep the initial_access_token now: it is not shown again.')
    })
  tokens
    .command('delete')
    .argument(service, serviceNamed)
    .argument('<token>', 'its id, not the token itself')
    .description('delete one: nobody registers with it any more')
    .action(async (slug: string, token: string) => {
      const { api, output } = open()
      await api.send('DELETE', at`/services/${slug}/initial-access-tokens/${token}`)
      output.say(`Deleted ${token}.`)
    })
}
