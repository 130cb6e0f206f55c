import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { Command, Option } from 'commander'
import { parse } from 'yaml'
import { Failure } from './failure.ts'
import { at, type Paging } from './management-api.ts'
import { connectionIdOf, organizationIdOf } from './named.ts'
import { ofOrganization, paged, repeated } from './options.ts'
import { type Item, isItem } from './output.ts'
import { roleAssignment } from './role-assignment.ts'
import type { Open, Session } from './session.ts'

interface Whose {
  readonly organization?: string
}

interface Given extends Whose {
  readonly name?: string
  readonly issuer?: string
  readonly clientId?: string
  readonly clientSecretFile?: string
  readonly clientAuthentication?: string
  readonly scope?: readonly string[]
  readonly domain?: readonly string[]
  readonly emailTrust?: string
  readonly signOut?: string
  readonly defaultRole?: readonly string[]
  readonly mapping?: string
}

const fields = ['id', 'name', 'issuer', 'state', 'enforcement', 'tested_at']

export function connectionsCommand(open: Open): Command {
  const group = new Command('connections').description("an organization's own identity providers")
  paged(ofOrganization(group.command('list').description('all of them'))).action(
    async (options: Whose & Paging) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const page = await session.api.list(at`/organizations/${id}/connections`, options)
      session.output.list(page, fields, 'No connections. `latchkey connections create` sets one up.')
    },
  )
  given(group.command('create'))
    .description('set up an OpenID provider; says which redirect URI to register there')
    .requiredOption('--issuer <address>', 'as the provider calls itself')
    .addOption(repeated('--default-role <service=role>', 'for whom the mapping gives no role'))
    .action(async (options: Given) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const body = { ...(await bodyOf(options)), issuer: options.issuer }
      const made = await session.api.send('POST', at`/organizations/${id}/connections`, { body })
      session.output.show(made)
      session.output.say(
        `Nobody is sent there yet: \`latchkey connections test ${String(made['id'])}\` comes first.`,
      )
    })
  addOne(group, open)
  addTest(group, open)
  addStates(group, open)
  return group
}

function addOne(group: Command, open: Open): void {
  ofOrganization(group.command('show').argument('<connection>', 'id or name'))
    .description('one connection')
    .action(async (connection: string, options: Whose) => {
      const session = open()
      session.output.show(await session.api.get(await pathOf(session, connection, options)))
    })
  given(group.command('edit').argument('<connection>', 'id or name'))
    .description('change what is given')
    .action(async (connection: string, options: Given) => {
      const session = open()
      const path = await pathOf(session, connection, options)
      session.output.show(await session.api.send('PATCH', path, { body: await bodyOf(options) }))
    })
}

function addTest(group: Command, open: Open): void {
  ofOrganization(group.command('test').argument('<connection>', 'id or name'))
    .option('--result', 'show how the last test went')
    .description('begin a sign-in that lets nobody in: answers the address to open')
    .action(async (connection: string, options: Whose & { result?: true }) => {
      const session = open()
      const path = `${await pathOf(session, connection, options)}/test`
      if (options.result === true) {
        session.output.show(await session.api.get(path))
        return
      }
      session.output.show(await session.api.send('POST', path))
      session.output.say('Open the address in a browser and sign in there; then repeat this with --result.')
    })
}

function addStates(group: Command, open: Open): void {
  ofOrganization(group.command('activate').argument('<connection>', 'id or name'))
    .option('--required', 'whoever it speaks for signs in through it, and no other way')
    .description("send people of the organization's verified domains to it; it has to be tested")
    .action(async (connection: string, options: Whose & { required?: true }) => {
      const session = open()
      const path = `${await pathOf(session, connection, options)}/activate`
      const body = { enforcement: options.required === true ? 'required' : 'offered' }
      session.output.show(await session.api.send('POST', path, { body }))
    })
  ofOrganization(group.command('disable').argument('<connection>', 'id or name'))
    .description('send nobody there any more; who is signed in stays so')
    .action(async (connection: string, options: Whose) => {
      const session = open()
      const path = `${await pathOf(session, connection, options)}/disable`
      session.output.show(await session.api.send('POST', path))
    })
  ofOrganization(group.command('delete').argument('<connection>', 'id or name'))
    .description('delete a connection; its people stay')
    .action(async (connection: string, options: Whose) => {
      const session = open()
      await session.api.send('DELETE', await pathOf(session, connection, options))
      session.output.say(`Deleted ${connection}.`)
    })
}

function given(command: Command): Command {
  return ofOrganization(command)
    .option('--name <name>', 'what it is called')
    .option('--client-id <id>', 'as the provider gave it')
    .option('--client-secret-file <path>', 'holds the client secret; - is standard input')
    .addOption(
      new Option('--client-authentication <method>', 'at its token endpoint').choices([
        'client_secret_basic',
        'client_secret_post',
        'none',
      ]),
    )
    .addOption(repeated('--scope <scope>', 'what is asked for; without any: openid, email, profile'))
    .addOption(repeated('--domain <name>', 'it alone speaks for this one; without any: for those left over'))
    .addOption(
      new Option('--email-trust <how>', 'when an address is taken for verified').choices([
        'if_said',
        'unless_denied',
      ]),
    )
    .addOption(
      new Option('--sign-out <where>', 'where people sign out who do so here').choices(['here', 'upstream']),
    )
    .option('--mapping <path>', 'YAML or JSON with roles, tags and default_roles; - is standard input')
}

async function bodyOf(options: Given): Promise<Readonly<Record<string, unknown>>> {
  const { name, clientId, clientSecretFile, clientAuthentication, scope, domain } = options
  const { emailTrust, signOut } = options
  const mapping = await mappingOf(options)
  const secret = clientSecretFile === undefined ? undefined : (await contentOf(clientSecretFile)).trim()
  const all = {
    ...{ name, client_id: clientId, client_secret: secret, client_authentication: clientAuthentication },
    ...{ scopes: scope, domains: domain, email_trust: emailTrust, sign_out: signOut, mapping },
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

async function mappingOf({ mapping, defaultRole }: Given): Promise<Item | undefined> {
  const written = mapping === undefined ? undefined : await writtenMapping(mapping)
  if (defaultRole === undefined) return written
  return { ...written, default_roles: defaultRole.map(roleAssignment) }
}

async function writtenMapping(path: string): Promise<Item> {
  const content: unknown = parse(await contentOf(path))
  if (isItem(content)) return content
  throw new Failure(`${path} is no mapping`, {
    exitCode: 2,
    fix: 'write roles, tags and default_roles, each at the top level',
  })
}

async function contentOf(path: string): Promise<string> {
  try {
    return path === '-' ? await text(process.stdin) : await readFile(path, 'utf8')
  } catch (cause) {
    throw new Failure(`${path} cannot be read`, { exitCode: 2, fix: 'check the path', cause })
  }
}

async function pathOf(session: Session, connection: string, { organization }: Whose): Promise<string> {
  const organizationId = await organizationIdOf(session, organization)
  return at`/organizations/${organizationId}/connections/${await connectionIdOf(session, organizationId, connection)}`
}
