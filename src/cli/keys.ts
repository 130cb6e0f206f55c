import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { z } from 'zod'
import { Failure } from './failure.ts'
import { type SecretOptions, showIssued } from './issued-secret.ts'
import { at, type Paging } from './management-api.ts'
import { keyIdOf, organizationIdOf } from './named.ts'
import { ofOrganization, paged, repeated, wholeNumberFromZero } from './options.ts'
import type { Open, Session } from './session.ts'
import { tagsOf } from './tag-options.ts'

interface Whose {
  readonly organization?: string
}

interface CreateOptions extends Whose, SecretOptions {
  readonly service: string
  readonly role: string
  readonly name: string
  readonly test?: true
  readonly expiresAt?: string
  readonly cidr?: readonly string[]
  readonly tag?: readonly string[]
  readonly guards?: string
  readonly jwks?: string
  readonly redirectUri?: readonly string[]
  readonly postLogoutRedirectUri?: readonly string[]
  readonly native?: true
  readonly public?: true
}

interface EditOptions extends Whose, Pick<CreateOptions, 'expiresAt' | 'cidr' | 'tag'> {
  readonly name?: string
}

const fields = ['id', 'name', 'service_id', 'role', 'environment', 'state', 'last_used_at']

export function keysCommand(open: Open): Command {
  const group = new Command('keys').description('client keys: what machines exchange for tokens')
  paged(ofOrganization(group.command('list').description('the keys of an organization')))
    .option('--service <id or slug>', 'for this service alone')
    .action(async (options: Whose & Paging & { service?: string }) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const query = { service: options.service }
      const page = await session.api.list(at`/organizations/${id}/keys`, options, query)
      session.output.list(page, fields, 'No keys yet. `latchkey keys create` makes one.')
    })
  addCreate(group, open)
  ofOrganization(group.command('show').argument('<key>', 'id or name').description('one key')).action(
    async (key: string, options: Whose) => {
      const session = open()
      session.output.show(await session.api.get(await pathOf(session, key, options)))
    },
  )
  addEdit(group, open)
  addRotation(group, open)
  addStates(group, open)
  return group
}

function addCreate(group: Command, open: Open): void {
  writingSecret(ofOrganization(group.command('create')))
    .requiredOption('--service <id or slug>', 'the service that it opens')
    .requiredOption('--role <name or id>', 'what it may do there (see `latchkey services roles`)')
    .requiredOption('--name <name>', 'what uses it, for people')
    .option('--test', 'a key for tests: guards refuse it unless told otherwise')
    .option('--expires-at <time>', 'when it ends, RFC 3339: 2031-01-01T00:00:00Z')
    .addOption(repeated('--cidr <block>', 'usable from this address block alone'))
    .addOption(repeated('--tag <key=value>', 'a tag, such as ward=north; a key may have several values'))
    .option('--guards <service>', 'with the role guard: the service whose API will verify tokens with it')
    .option('--jwks <file>', 'its public keys, for private_key_jwt: then there is no secret')
    .addOption(repeated('--redirect-uri <uri>', 'an app that acts for people: where they come back to'))
    .addOption(repeated('--post-logout-redirect-uri <uri>', 'where people land when they have signed out'))
    .option('--native', 'an app on people’s own machines (RFC 8252)')
    .option('--public', 'an app that can keep no secret: it has none')
    .description('make a key; its secret is shown once')
    .action(async (options: CreateOptions) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const body = await newKey(options)
      await showIssued(session, options, () =>
        session.api.send('POST', at`/organizations/${id}/keys`, { body }),
      )
    })
}

async function newKey(options: CreateOptions): Promise<Record<string, unknown>> {
  const { service, role, name, test, expiresAt, cidr, tag, guards, jwks } = options
  return {
    ...{ service, role, name },
    ...(test === undefined ? {} : { environment: 'test' }),
    ...(expiresAt === undefined ? {} : { expires_at: expiresAt }),
    ...(cidr === undefined ? {} : { cidrs: cidr }),
    ...(tag === undefined ? {} : { tags: tagsOf(tag) }),
    ...(guards === undefined ? {} : { guards_service: guards }),
    ...(jwks === undefined ? {} : { jwks: await jwksIn(jwks) }),
    ...appOf(options),
  }
}

function appOf({ redirectUri, postLogoutRedirectUri, native, public: isPublic }: CreateOptions) {
  return {
    ...(redirectUri === undefined ? {} : { redirect_uris: redirectUri }),
    ...(postLogoutRedirectUri === undefined ? {} : { post_logout_redirect_uris: postLogoutRedirectUri }),
    ...(native === undefined ? {} : { application_type: 'native' }),
    ...(isPublic === undefined ? {} : { public: true }),
  }
}

async function jwksIn(path: string): Promise<unknown> {
  try {
    const content: unknown = JSON.parse(await readFile(path, 'utf8'))
    return z.object({ keys: z.array(z.unknown()) }).parse(content)
  } catch (cause) {
    throw new Failure(`${path} holds no JWK set`, {
      exitCode: 2,
      fix: 'write the public keys as {"keys": […]} (RFC 7517)',
      cause,
    })
  }
}

function addEdit(group: Command, open: Open): void {
  ofOrganization(group.command('edit').argument('<key>', 'id or name'))
    .option('--name <name>', 'what uses it, for people')
    .option('--expires-at <time>', 'when it ends, RFC 3339; "never"')
    .addOption(repeated('--cidr <block>', 'usable from this address block alone; "any" ends the restriction'))
    .addOption(
      repeated('--tag <key=value>', 'all of its tags: those left out are taken; "none" takes them all'),
    )
    .description('change its name, expiry, address blocks or tags')
    .action(async (key: string, options: EditOptions) => {
      const session = open()
      const { name, expiresAt, cidr, tag } = options
      const body = {
        ...(name === undefined ? {} : { name }),
        ...(expiresAt === undefined ? {} : { expires_at: expiresAt === 'never' ? null : expiresAt }),
        ...(cidr === undefined ? {} : { cidrs: cidr.filter((block) => block !== 'any') }),
        ...(tag === undefined ? {} : { tags: tagsOf(tag.filter((one) => one !== 'none')) }),
      }
      session.output.show(await session.api.send('PATCH', await pathOf(session, key, options), { body }))
    })
  ofOrganization(group.command('role').argument('<key>', 'id or name'))
    .argument('<role>', 'name of a role of the service, or id of one of the organization')
    .description('give it another role, at once')
    .action(async (key: string, role: string, options: Whose) => {
      const session = open()
      const path = `${await pathOf(session, key, options)}/role`
      session.output.show(await session.api.send('PUT', path, { body: { role } }))
    })
}

function addRotation(group: Command, open: Open): void {
  writingSecret(ofOrganization(group.command('rotate').argument('<key>', 'id or name')))
    .option(
      '--grace-seconds <n>',
      'how long the old secret still works (default a day); 0 after a compromise',
      wholeNumberFromZero,
    )
    .description('give it a new secret; the old one works on for a while')
    .action(async (key: string, options: Whose & SecretOptions & { graceSeconds?: string }) => {
      const session = open()
      const path = await pathOf(session, key, options)
      const { graceSeconds } = options
      const body = graceSeconds === undefined ? {} : { grace_seconds: Number(graceSeconds) }
      await showIssued(session, options, () => session.api.send('POST', `${path}/rotate`, { body }))
    })
  ofOrganization(group.command('retire').argument('<key>', 'id or name'))
    .argument('<secret>', 'id of the secret (see `latchkey keys show`)')
    .description('end one of two live secrets now')
    .action(async (key: string, secret: string, options: Whose) => {
      const session = open()
      const path = `${await pathOf(session, key, options)}/retire`
      session.output.show(await session.api.send('POST', path, { body: { secret_id: secret } }))
    })
}

function addStates(group: Command, open: Open): void {
  const change = (state: 'disable' | 'enable', description: string) =>
    ofOrganization(group.command(state).argument('<key>', 'id or name').description(description)).action(
      async (key: string, options: Whose) => {
        const session = open()
        const path = `${await pathOf(session, key, options)}/${state}`
        session.output.show(await session.api.send('POST', path))
      },
    )
  change('disable', 'stop it and its tokens at once, until it is enabled')
  change('enable', 'end a disabling')
  ofOrganization(group.command('revoke').argument('<key>', 'id or name'))
    .option('--reason <reason>', 'such as key_compromise, superseded, cessation_of_operation')
    .description('end it and its tokens at once, for ever')
    .action(async (key: string, options: Whose & { reason?: string }) => {
      const session = open()
      const path = `${await pathOf(session, key, options)}/revoke`
      const body = options.reason === undefined ? {} : { reason: options.reason }
      session.output.show(await session.api.send('POST', path, { body }))
    })
}

async function pathOf(session: Session, key: string, { organization }: Whose): Promise<string> {
  const organizationId = await organizationIdOf(session, organization)
  return at`/organizations/${organizationId}/keys/${await keyIdOf(session, organizationId, key)}`
}

function writingSecret(command: Command): Command {
  return (
    command
      // Not `--env-file`: Node takes that for itself, even after the script's name.
      .option('--dotenv <path>', 'write the secret into a new .env file instead of showing it')
      .option('--output <path>', 'write it into a new JSON file that --key-file reads')
  )
}
