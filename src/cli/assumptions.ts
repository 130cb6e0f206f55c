import { Command, Option } from 'commander'
import { at, type Paging } from './management-api.ts'
import { assumptionIdOf, organizationIdOf } from './named.ts'
import { ofOrganization, paged, repeated, wholeNumber } from './options.ts'
import type { Open, Session } from './session.ts'
import { tagsOf } from './tag-options.ts'

interface Whose {
  readonly organization?: string
}

interface Given extends Whose {
  readonly name?: string
  readonly description?: string
  readonly role?: string
  readonly principal?: readonly string[]
  readonly anyPrincipal?: true
  readonly tag?: readonly string[]
  readonly lifeSeconds?: string
}

const fields = ['id', 'name', 'service_id', 'role', 'assuming_organization_id', 'last_used_at']

export function assumptionsCommand(open: Open): Command {
  const group = new Command('assumptions').description('roles that another organization may take for a while')
  paged(ofOrganization(group.command('list').description('by what others take roles of the organization')))
    .option('--received', 'by what the organization takes roles of others')
    .action(async (options: Whose & Paging & { received?: true }) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const kind = options.received === true ? 'received-assumptions' : 'assumptions'
      const page = await session.api.list(`${at`/organizations/${id}`}/${kind}`, options)
      session.output.list(page, fields, 'None. `latchkey assumptions create` lets another take a role.')
    })
  given(group.command('create').description('let another organization take a role'), 'new')
    .requiredOption('--service <id or slug>', 'the service that the role is on')
    .requiredOption('--by <organization>', 'id or slug of the organization that may take it')
    .action(async (options: Given & { service: string; by: string }) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const by = await organizationIdOf(session, options.by)
      const body = { ...bodyOf(options), service: options.service, assuming_organization: by }
      session.output.show(await session.api.send('POST', at`/organizations/${id}/assumptions`, { body }))
    })
  addOne(group, open)
  return group
}

function addOne(group: Command, open: Open): void {
  const one = (name: string, description: string) =>
    ofOrganization(group.command(name).argument('<assumption>', 'id or name').description(description))
  one('show', 'one assumption').action(async (assumption: string, options: Whose) => {
    const session = open()
    session.output.show(await session.api.get(await pathOf(session, assumption, options)))
  })
  given(
    group
      .command('change')
      .argument('<assumption>', 'id or name')
      .description('change what is given; more than a name ends the tokens that are out, at once'),
    'known',
  )
    .option('--any-principal', 'every key and user of that organization')
    .action(async (assumption: string, options: Given) => {
      const session = open()
      const path = await pathOf(session, assumption, options)
      session.output.show(await session.api.send('PATCH', path, { body: bodyOf(options) }))
    })
  one('delete', 'take it back: its tokens end at once').action(async (assumption: string, options: Whose) => {
    const session = open()
    await session.api.send('DELETE', await pathOf(session, assumption, options))
    session.output.say(`Deleted ${assumption}.`)
  })
}

/** What is new has a name and a role; of what is known, what is said is changed. */
function given(command: Command, what: 'new' | 'known'): Command {
  const stated = (flags: string, description: string) =>
    new Option(flags, description).makeOptionMandatory(what === 'new')
  return ofOrganization(command)
    .addOption(stated('--name <name>', 'for people; unique on the service'))
    .option('--description <text>', 'what it is for')
    .addOption(stated('--role <name or id>', 'the role that is taken (see `latchkey services roles`)'))
    .addOption(repeated('--principal <id>', 'only this key or user of that organization'))
    .addOption(repeated('--tag <key=value>', 'a tag of the token; a key may have several values'))
    .option('--life-seconds <n>', 'how long a token lives at most', wholeNumber)
}

function bodyOf({ name, description, role, principal, anyPrincipal, tag, lifeSeconds }: Given) {
  return {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(role === undefined ? {} : { role }),
    ...(anyPrincipal === true ? { principals: [] } : {}),
    ...(principal === undefined ? {} : { principals: principal }),
    ...(tag === undefined ? {} : { tags: tagsOf(tag) }),
    ...(lifeSeconds === undefined ? {} : { life_seconds_max: Number(lifeSeconds) }),
  }
}

async function pathOf(session: Session, assumption: string, { organization }: Whose): Promise<string> {
  const organizationId = await organizationIdOf(session, organization)
  const id = await assumptionIdOf(session, organizationId, assumption)
  return at`/organizations/${organizationId}/assumptions/${id}`
}
