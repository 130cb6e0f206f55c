import { Command } from 'commander'
import { at, type Paging } from './management-api.ts'
import { organizationIdOf } from './named.ts'
import { paged } from './options.ts'
import type { Open } from './session.ts'

const fields = ['id', 'slug', 'name', 'kind', 'state', 'created_at']

export function organizationsCommand(open: Open): Command {
  const group = new Command('organizations').description('customers of the API, each a tenant of its own')
  paged(group.command('list').description('all organizations')).action(async (paging: Paging) => {
    const { api, output } = open()
    const page = await api.list('/organizations', paging)
    output.list(page, fields, 'No organizations.')
  })
  group
    .command('create')
    .description('take on a customer')
    .requiredOption('--slug <slug>', 'short and unique, for people to type: 3–40 of a-z0-9-')
    .requiredOption('--name <name>', 'as people know it')
    .action(async (body: { slug: string; name: string }) => {
      const { api, output } = open()
      output.show(await api.send('POST', '/organizations', { body: { slug: body.slug, name: body.name } }))
    })
  group
    .command('show')
    .argument('[organization]', 'id or slug; without it that of the key in use')
    .description('one organization')
    .action(async (organization: string | undefined) => {
      const session = open()
      const id = await organizationIdOf(session, organization)
      session.output.show(await session.api.get(at`/organizations/${id}`))
    })
  group
    .command('rename')
    .argument('<organization>', 'id or slug')
    .requiredOption('--name <name>', 'the new name')
    .description('change its name; its slug stays')
    .action(async (organization: string, { name }: { name: string }) => {
      const session = open()
      const id = await organizationIdOf(session, organization)
      session.output.show(await session.api.send('PATCH', at`/organizations/${id}`, { body: { name } }))
    })
  addStateCommands(group, open)
  addDelete(group, open)
  return group
}

function addStateCommands(group: Command, open: Open): void {
  group
    .command('suspend')
    .argument('<organization>', 'id or slug')
    .requiredOption('--reason <text>', 'why; it stands in the audit trail')
    .description('stop all of its keys and tokens at once, until it is reinstated')
    .action(async (organization: string, { reason }: { reason: string }) => {
      const session = open()
      const id = await organizationIdOf(session, organization)
      const path = at`/organizations/${id}/suspend`
      session.output.show(await session.api.send('POST', path, { body: { reason } }))
    })
  group
    .command('reinstate')
    .argument('<organization>', 'id or slug')
    .description('end a suspension')
    .action(async (organization: string) => {
      const session = open()
      const id = await organizationIdOf(session, organization)
      session.output.show(await session.api.send('POST', at`/organizations/${id}/reinstate`))
    })
}

function addDelete(group: Command, open: Open): void {
  group
    .command('delete')
    .argument('<organization>', 'id or slug')
    .option('--confirm <slug>', 'the slug of what is deleted: that you mean it')
    .description('delete an organization and all that is its own; without --confirm says what would go')
    .action(async (organization: string, { confirm }: { confirm?: string }) => {
      const session = open()
      const id = await organizationIdOf(session, organization)
      if (confirm === undefined) {
        session.output.show(await session.api.get(at`/organizations/${id}/deletion-preview`))
        session.output.say('Nothing was deleted. To delete it, repeat with --confirm and its slug.')
        return
      }
      await session.api.send('DELETE', at`/organizations/${id}`, { query: { confirm } })
      session.output.say(`Deleted ${organization}. No key or token of it is valid any more.`)
    })
}
