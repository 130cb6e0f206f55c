import { Command } from 'commander'
import { at } from './management-api.ts'
import { organizationIdOf } from './named.ts'
import { paged, repeated } from './options.ts'
import type { Open } from './session.ts'

interface Between {
  readonly service: string
  readonly organization: string
}

export function entitlementsCommand(open: Open): Command {
  const group = new Command('entitlements').description('the roles of a service that an organization may use')
  paged(group.command('list'))
    .option('--organization <id or slug>', 'whose; without it the organization of the key in use')
    .description('the services that an organization may use, and its roles on each')
    .action(async (options: { organization?: string; limit?: string; cursor?: string }) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const page = await session.api.list(at`/organizations/${id}/services`, options)
      session.output.list(page, ['id', 'slug', 'title', 'roles'], 'No services.')
    })
  between(group.command('show').description('the roles granted')).action(async (options: Between) => {
    const session = open()
    const id = await organizationIdOf(session, options.organization)
    session.output.show(await session.api.get(at`/services/${options.service}/entitlements/${id}`))
  })
  between(group.command('set').description('grant exactly these roles'))
    .addOption(repeated('--role <name>', 'a grantable role of the service').makeOptionMandatory())
    .action(async (options: Between & { role: readonly string[] }) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const path = at`/services/${options.service}/entitlements/${id}`
      session.output.show(await session.api.send('PUT', path, { body: { roles: options.role } }))
    })
  between(group.command('reset').description('back to the default: every role that is grantable')).action(
    async (options: Between) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      await session.api.send('DELETE', at`/services/${options.service}/entitlements/${id}`)
      session.output.say('It has the default entitlement again.')
    },
  )
  return group
}

function between(command: Command): Command {
  return command
    .requiredOption('--service <id or slug>', 'on which service')
    .requiredOption('--organization <id or slug>', 'whose')
}
