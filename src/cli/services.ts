import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import { type ConfirmOptions, confirmed } from './confirmation.ts'
import { Failure } from './failure.ts'
import { at, type Paging } from './management-api.ts'
import { organizationIdOf } from './named.ts'
import { paged, wholeNumber } from './options.ts'
import type { Open } from './session.ts'
import { signInCommand } from './sign-in.ts'

const fields = ['id', 'slug', 'title', 'audience', 'document_version', 'created_at']

interface ImportOptions extends ConfirmOptions {
  readonly slug: string
  readonly audience?: string
  readonly organization?: string
  readonly algorithm?: string
  readonly tokenSeconds?: string
}

export function servicesCommand(open: Open): Command {
  const group = new Command('services').description('the APIs that are protected, each one OpenAPI document')
  paged(group.command('list').description('all services')).action(async (paging: Paging) => {
    const { api, output } = open()
    const none = 'No services yet. `latchkey services import <openapi file> --slug <slug>` makes one.'
    output.list(await api.list('/services', paging), fields, none)
  })
  addImport(group, open)
  addDocument(group, open)
  addReading(group, open)
  group.addCommand(signInCommand(open))
  group
    .command('rotate-signing-keys')
    .argument('<service>', 'id or slug')
    .option('--compromised', 'end all its signing keys, and every token signed with them, at once')
    .description('take the next step: publish a new key, then (five minutes later or more) sign with it')
    .action(async (service: string, body: { compromised?: true }) => {
      const { api, output } = open()
      output.show(await api.send('POST', at`/services/${service}/signing-keys/rotate`, { body }))
    })
  group
    .command('delete')
    .argument('<service>', 'id or slug')
    .option('--confirm <slug>', 'the slug of what is deleted: that you mean it')
    .description('delete a service, with its roles and keys; without --confirm says what would go')
    .action(async (service: string, { confirm }: { confirm?: string }) => {
      const { api, output } = open()
      await api.send('DELETE', at`/services/${service}`, { query: { confirm } })
      output.say(`Deleted ${service}. Its keys and tokens are of no use any more.`)
    })
  return group
}

function addImport(group: Command, open: Open): void {
  const command = group.command('import').alias('create').argument('<file>', fileMeaning)
  confirmable(command)
    .requiredOption('--slug <slug>', 'the first segment of its issuer: 3–40 of a-z0-9-')
    .option('--audience <url>', 'the API’s base URL, where the document’s servers do not say it')
    .option('--organization <id or slug>', 'the owner; without it the organization of the key in use')
    .option('--algorithm <name>', 'what its tokens are signed with: ES256 (default), RS256 or EdDSA')
    .option('--token-seconds <n>', 'life of its access tokens (default 900)', wholeNumber)
    .description('make a service from an OpenAPI document')
    .action(async (file: string, options: ImportOptions) => {
      const session = open()
      const { organization } = options
      const query = {
        slug: options.slug,
        audience: options.audience,
        organization_id: organization && (await organizationIdOf(session, organization)),
        signing_algorithm: options.algorithm,
        access_token_ttl_seconds: options.tokenSeconds,
      }
      const raw = await documentIn(file)
      const made = await confirmed(session, options, (confirmation) =>
        session.api.send('POST', '/services', { query: { ...query, confirmation }, raw }),
      )
      session.output.show(made)
      session.output.say(
        `Next: a key for a customer, with \`latchkey keys create --service ${options.slug} …\``,
      )
    })
}

function addDocument(group: Command, open: Open): void {
  group
    .command('document')
    .argument('<service>', 'id or slug')
    .description('print the document, as it was sent')
    .action(async (service: string) => {
      const { api } = open()
      process.stdout.write(await api.text(at`/services/${service}/document`))
    })
  confirmable(group.command('update-document').argument('<service>', 'id or slug'))
    .argument('<file>', fileMeaning)
    .description('replace the document by a new version')
    .action(async (service: string, file: string, options: ConfirmOptions) => {
      const session = open()
      const raw = await documentIn(file)
      const answer = await confirmed(session, options, (confirmation) =>
        session.api.send('PUT', at`/services/${service}/document`, { query: { confirmation }, raw }),
      )
      session.output.show(answer)
    })
}

function addReading(group: Command, open: Open): void {
  group
    .command('show')
    .argument('<service>', 'id or slug')
    .description('one service')
    .action(async (service: string) => {
      const { api, output } = open()
      output.show(await api.get(at`/services/${service}`))
    })
  paged(group.command('operations').argument('<service>', 'id or slug'))
    .description('what can be allowed on it')
    .action(async (service: string, paging: Paging) => {
      const { api, output } = open()
      const page = await api.list(at`/services/${service}/operations`, paging)
      output.list(page, ['id', 'method', 'path', 'public', 'summary'], 'No operations.')
    })
  paged(group.command('roles').argument('<service>', 'id or slug'))
    .description('the roles that its document defines')
    .action(async (service: string, paging: Paging) => {
      const { api, output } = open()
      const page = await api.list(at`/services/${service}/roles`, paging)
      output.list(page, ['name', 'grantable', 'delegable', 'include', 'description'], 'No roles.')
    })
}

const fileMeaning = 'OpenAPI 3.0 or 3.1, JSON or YAML; - is standard input'

function confirmable(command: Command): Command {
  return command
    .option('--confirm <confirmation>', 'that the changes shown before are meant')
    .option('--yes', 'go on whatever changes')
}

async function documentIn(file: string): Promise<{ content: string; mediaType: string }> {
  try {
    const content = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8')
    return { content, mediaType: /^\s*\{/.test(content) ? 'application/json' : 'application/yaml' }
  } catch (cause) {
    throw new Failure(`${file} cannot be read`, {
      exitCode: 2,
      fix: 'give the path of an OpenAPI document',
      cause,
    })
  }
}
