import { Command } from 'commander'
import { at, type Paging } from './management-api.ts'
import { domainIdOf, organizationIdOf } from './named.ts'
import { ofOrganization, paged } from './options.ts'
import type { Open, Session } from './session.ts'

interface Whose {
  readonly organization?: string
}

const fields = ['id', 'name', 'state', 'last_seen_at', 'missing_since']

export function domainsCommand(open: Open): Command {
  const group = new Command('domains').description(
    "domains of an organization's e-mail addresses, proven by a TXT record",
  )
  paged(ofOrganization(group.command('list').description('all of them, and whether they are proven'))).action(
    async (options: Whose & Paging) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const page = await session.api.list(at`/organizations/${id}/domains`, options)
      session.output.list(page, fields, 'No domains. `latchkey domains add` claims one.')
    },
  )
  ofOrganization(group.command('add').argument('<name>', 'what stands after the @, such as clinic.example'))
    .description('claim a domain; says which TXT record to publish')
    .action(async (name: string, options: Whose) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const path = at`/organizations/${id}/domains`
      session.output.show(await session.api.send('POST', path, { body: { name } }))
      session.output.say(`Publish the TXT record, then run \`latchkey domains verify ${name}\`.`)
    })
  addOne(group, open)
  return group
}

function addOne(group: Command, open: Open): void {
  ofOrganization(group.command('show').argument('<domain>', 'id or name').description('one domain')).action(
    async (domain: string, options: Whose) => {
      const session = open()
      session.output.show(await session.api.get(await pathOf(session, domain, options)))
    },
  )
  ofOrganization(group.command('verify').argument('<domain>', 'id or name'))
    .description('look for its TXT record now; found, it routes its people to the organization')
    .action(async (domain: string, options: Whose) => {
      const session = open()
      const path = `${await pathOf(session, domain, options)}/verify`
      session.output.show(await session.api.send('POST', path))
    })
  ofOrganization(group.command('remove').argument('<domain>', 'id or name'))
    .description('give a domain up; it stops routing at once')
    .action(async (domain: string, options: Whose) => {
      const session = open()
      await session.api.send('DELETE', await pathOf(session, domain, options))
      session.output.say(`Removed ${domain}.`)
    })
}

async function pathOf(session: Session, domain: string, { organization }: Whose): Promise<string> {
  const organizationId = await organizationIdOf(session, organization)
  return at`/organizations/${organizationId}/domains/${await domainIdOf(session, organizationId, domain)}`
}
