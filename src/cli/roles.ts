import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import { parse } from 'yaml'
import { z } from 'zod'
import { Failure } from './failure.ts'
import { at, type Paging } from './management-api.ts'
import { organizationIdOf, roleIdOf } from './named.ts'
import { ofOrganization, paged, repeated } from './options.ts'
import { type Item, isItem } from './output.ts'
import type { Open, Session } from './session.ts'
import { printable } from './table.ts'

interface RoleOptions {
  readonly organization?: string
  readonly service?: string
  readonly name?: string
  readonly description?: string
  readonly operation?: readonly string[]
  readonly file?: string
  readonly policyFile?: string
}

export function rolesCommand(open: Open): Command {
  const group = new Command('roles').description('roles that an organization defines for itself on a service')
  paged(ofOrganization(group.command('list').description('its roles')))
    .option('--service <id or slug>', 'on this service alone')
    .action(async (options: RoleOptions & Paging) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const query = { service: options.service }
      const page = await session.api.list(at`/organizations/${id}/roles`, options, query)
      session.output.list(page, ['id', 'name', 'service_id', 'description', 'changed_at'], noRoles)
    })
  written(group.command('create').description('make a role over operations of a service'))
    .requiredOption('--service <id or slug>', 'the service that it is on')
    .action(async (options: RoleOptions) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const body = { description: '', ...(await writtenRole(options)), service: options.service }
      showSaved(session, await session.api.send('POST', at`/organizations/${id}/roles`, { body }))
    })
  addOne(group, open)
  return group
}

const noRoles =
  'No roles of its own. The service’s own roles are in `latchkey services roles <service>`; make one with `latchkey roles create`.'

function addOne(group: Command, open: Open): void {
  ofOrganization(group.command('show').argument('<role>', 'id or name').description('one role')).action(
    async (role: string, options: RoleOptions) => {
      const session = open()
      session.output.show(await session.api.get(await pathOf(session, role, options)))
    },
  )
  written(
    group
      .command('edit')
      .argument('<role>', 'id or name')
      .description('change what is given; takes effect at once on every key that holds it'),
  ).action(async (role: string, options: RoleOptions) => {
    const session = open()
    const path = await pathOf(session, role, options)
    const { body: before, etag } = await session.api.read(path)
    const after = await writtenRole(options)
    const { name, description } = { ...before, ...after }
    const body = { name, description, ...contentOf(before, after) }
    showSaved(session, await session.api.send('PUT', path, { body, ifMatch: etag }))
  })
  written(
    group
      .command('preview')
      .argument('<role>', 'id or name')
      .description('what an edit would change, and for whom; changes nothing'),
  ).action(async (role: string, options: RoleOptions) => {
    const session = open()
    const path = await pathOf(session, role, options)
    const body = contentOf({ ...(await session.api.get(path)) }, await writtenRole(options))
    showSaved(session, await session.api.send('POST', `${path}/preview`, { body }))
  })
  ofOrganization(group.command('delete').argument('<role>', 'id or name'))
    .option('--cascade', 'revoke every key that holds it, at once')
    .description('delete a role that nothing holds')
    .action(async (role: string, options: RoleOptions & { cascade?: true }) => {
      const session = open()
      const query = options.cascade === true ? { cascade: 'true' } : {}
      await session.api.send('DELETE', await pathOf(session, role, options), { query })
      session.output.say(`Deleted ${role}.`)
    })
}

const Warnings = z.array(z.object({ pointer: z.string(), detail: z.string(), fix: z.string().default('') }))

/** What was kept, or would be; to people, what may not be meant so comes after it. */
function showSaved({ output }: Session, { warnings, ...saved }: Item): void {
  output.show(output.json ? { ...saved, warnings } : saved)
  for (const { pointer, detail, fix } of Warnings.parse(warnings ?? []))
    output.say(printable(`Warning, ${pointer}: ${detail}. ${fix}`.trim()))
}

/** What the role allows and shows, with what is given in place of what it has. */
function contentOf(before: Item, after: Item): Item {
  const { allow, filter, policy } = { ...before, ...after }
  return after['policy'] === undefined ? { allow, filter } : { policy }
}

async function pathOf(session: Session, role: string, { organization }: RoleOptions): Promise<string> {
  const organizationId = await organizationIdOf(session, organization)
  return at`/organizations/${organizationId}/roles/${await roleIdOf(session, organizationId, role)}`
}

function written(command: Command): Command {
  return ofOrganization(command)
    .option('--name <name>', 'unique on the service')
    .option('--description <text>', 'what it is for')
    .addOption(repeated('--operation <operation>', 'allow this one: operationId, or "METHOD /path"'))
    .option('--file <path>', 'YAML or JSON with name, description, allow and filter; - is standard input')
    .option(
      '--policy-file <path>',
      'what is allowed, and shown of responses, as one text; - is standard input',
    )
}

/** The parts of a role that were given: the file's, then what options say. */
async function writtenRole(options: RoleOptions): Promise<Record<string, unknown>> {
  const { name, description, operation, policyFile } = options
  if (policyFile !== undefined && operation !== undefined)
    throw new Failure('--policy-file and --operation both say what is allowed', {
      exitCode: 2,
      fix: 'leave one of the two out',
    })
  return {
    ...(options.file === undefined ? {} : await fileContent(options.file)),
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(operation === undefined ? {} : { allow: [{ operations: operation }] }),
    ...(policyFile === undefined ? {} : { policy: await textOf(policyFile) }),
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return path === '-' ? await text(process.stdin) : await readFile(path, 'utf8')
  } catch (cause) {
    throw new Failure(`${path} cannot be read`, { exitCode: 2, fix: 'check the path', cause })
  }
}

async function fileContent(path: string): Promise<Record<string, unknown>> {
  const written = await textOf(path)
  try {
    const content: unknown = parse(written)
    if (isItem(content)) return { ...content }
  } catch (cause) {
    throw new Failure(`${path} cannot be read as YAML or JSON`, {
      exitCode: 2,
      fix: 'check the file, or give a policy by --policy-file',
      cause,
    })
  }
  throw new Failure(`${path} is no role`, {
    exitCode: 2,
    fix: 'write name, description and allow, each at the top level',
  })
}
