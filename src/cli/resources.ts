import { Command, Option } from 'commander'
import { type ConfirmOptions, confirmed } from './confirmation.ts'
import { at, type Paging } from './management-api.ts'
import { keyIdOf, organizationIdOf, userIdOf } from './named.ts'
import { ofOrganization, paged, repeated } from './options.ts'
import { type Item, isItem } from './output.ts'
import type { Open, Session } from './session.ts'
import { tagsOf } from './tag-options.ts'

interface Whose {
  readonly organization?: string
}

interface Filter extends Whose, Paging {
  readonly service?: string
  readonly tag?: string
  readonly path?: string
  readonly namespace?: string
}

interface Reach extends Whose, Paging {
  readonly service?: string
  readonly operation?: string
  readonly scope?: readonly string[]
}

interface Rules extends Whose, ConfirmOptions {
  readonly knownBy?: string
  readonly shareWithAnyone?: string
}

export function resourcesCommand(open: Open): Command {
  const group = new Command('resources').description('what APIs have told that an organization owns')
  paged(ofOrganization(group.command('list').description('its resources')))
    .option('--service <id or slug>', 'of this service alone')
    .option('--tag <key=value>', 'with this tag; on one service')
    .option('--path <path>', 'the one of this path, such as /clusters/c1; on one service')
    .option('--namespace <namespace>', 'with --path, where ids are unique only within one')
    .action(async (options: Filter) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const { service, tag, path, namespace } = options
      const query = { service, tag, path, namespace }
      const page = await session.api.list(at`/organizations/${id}/resources`, options, query)
      session.output.list(page, ['id', 'service_id', 'path', 'tags'], 'No resources: the API registers them.')
    })
  ofOrganization(group.command('show').argument('<resource>', 'id').description('one resource')).action(
    async (resource: string, options: Whose) => {
      const session = open()
      session.output.show(await session.api.get(await pathOf(session, resource, options)))
    },
  )
  ofOrganization(group.command('tag').argument('<resource>', 'id'))
    .addOption(
      repeated(
        '--tag <key=value>',
        'a tag, such as env=dev; a key may have several values',
      ).makeOptionMandatory(),
    )
    .description('give it these tags and no others, at once; --tag none takes them all')
    .action(async (resource: string, options: Whose & { tag: readonly string[] }) => {
      const session = open()
      const path = `${await pathOf(session, resource, options)}/tags`
      const body = { tags: tagsOf(options.tag.filter((one) => one !== 'none')) }
      session.output.show(await session.api.send('PUT', path, { body }))
    })
  addReachable(group, open)
  addRules(group, open)
  return group
}

function addReachable(group: Command, open: Open): void {
  paged(
    ofOrganization(
      group
        .command('reachable')
        .argument('<principal>', 'a client key by id or name, or a user by id or e-mail'),
    ),
  )
    .option('--service <id or slug>', 'of a user: on this service')
    .option('--operation <id>', 'by this operation alone')
    .addOption(repeated('--scope <name>', 'what the app may do that acts for a user'))
    .description('which resources a key or a user may reach, and by which operations')
    .action(async (principal: string, options: Reach) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const { service, operation, scope } = options
      const query = { service, operation, scope: scope?.join(' ') }
      const path = `${await principalPath(session, id, principal)}/reachable-resources`
      const page = await session.api.list(path, options, query)
      if (session.output.json) session.output.list(page, [], '')
      else
        session.output.list(
          { ...page, items: page.items.map(reachedLine) },
          ['id', 'path', 'standing', 'allowed', 'depends_on_request'],
          'It reaches no resource.',
        )
    })
}

/** Whoever has an `@` in their name is a person, by the address. */
async function principalPath(session: Session, organizationId: string, given: string): Promise<string> {
  const isUser = given.startsWith('usr_') || given.includes('@')
  return isUser
    ? at`/organizations/${organizationId}/users/${await userIdOf(session, organizationId, given)}`
    : at`/organizations/${organizationId}/keys/${await keyIdOf(session, organizationId, given)}`
}

/** One resource as a line: its operations by whether they depend on the request. */
function reachedLine({ resource, standing, operations }: Item): Item {
  const { id, path } = isItem(resource) ? resource : {}
  const all = Array.isArray(operations) ? operations.filter(isItem) : []
  const named = (reach: string) =>
    all
      .filter((one) => one['reach'] === reach)
      .map((one) => `${one['operation']}${one['on'] === 'held' ? ' (on what it holds)' : ''}`)
  return { id, path, standing, allowed: named('allowed'), depends_on_request: named('depends_on_request') }
}

function addRules(group: Command, open: Open): void {
  ofOrganization(group.command('rules').argument('<service>', 'id or slug of a service of the organization'))
    .addOption(
      new Option('--known-by <who>', 'whether the API itself knows them, or Latchkey').choices([
        'api',
        'latchkey',
      ]),
    )
    .addOption(
      new Option(
        '--share-with-anyone <answer>',
        'whether organizations may share a resource with anyone',
      ).choices(['yes', 'no']),
    )
    .option('--confirm <confirmation>', 'that the changes shown before are meant')
    .option('--yes', 'go on whatever changes')
    .description('say who knows the resources of a service that the organization owns')
    .action(async (service: string, options: Rules) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const { knownBy, shareWithAnyone } = options
      const rules = {
        ...(knownBy === undefined ? {} : { resources: knownBy }),
        ...(shareWithAnyone === undefined ? {} : { shared_with_anyone: shareWithAnyone === 'yes' }),
      }
      const path = at`/organizations/${id}/services/${service}`
      const changed = await confirmed(session, options, (confirmation) =>
        session.api.send('PATCH', path, { body: { ...rules, ...(confirmation && { confirmation }) } }),
      )
      session.output.show(changed)
    })
}

async function pathOf(session: Session, resource: string, { organization }: Whose): Promise<string> {
  return at`/organizations/${await organizationIdOf(session, organization)}/resources/${resource}`
}
