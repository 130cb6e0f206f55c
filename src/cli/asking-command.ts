import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { Command, Option } from 'commander'
import { Failure } from './failure.ts'
import { repeated } from './options.ts'
import type { Item } from './output.ts'
import type { Session } from './session.ts'
import { tagsOf } from './tag-options.ts'

/** A request, and who makes it: what a decision and an explanation are asked about. */
export interface AskedOptions {
  readonly service: string
  readonly tokenFile?: string
  readonly principal?: string
  readonly organization?: string
  readonly role?: readonly string[]
  readonly kind?: 'key' | 'user'
  readonly tag?: readonly string[]
  readonly scope?: string
  readonly bodyFile?: string
  readonly address?: string
  readonly acceptTestKeys?: true
  readonly proofChecked?: true
}

/** A command that takes a request's method and path, and who asks. */
export function askingCommand(name: string): Command {
  return new Command(name)
    .argument('<method>', 'of the request, such as PUT')
    .argument('<path>', 'as it is sent, with its query: /clusters/c1?force=true')
    .requiredOption('--service <slug>', 'the service of the API')
    .option('--token-file <path>', 'who asks: whose access token this is; - is standard input')
    .option('--principal <id>', 'who asks: a client key or a person, by id')
    .option('--organization <id>', 'who asks: somebody made up, of this organization')
    .addOption(
      repeated(
        '--role <name or id>',
        'with --organization: a role that they hold, the service’s by name, its own by id',
      ),
    )
    .addOption(
      new Option('--kind <kind>', 'with --organization: what they are; key unless it is said').choices([
        'key',
        'user',
      ]),
    )
    .addOption(repeated('--tag <key=value>', 'with --organization: a tag that they have'))
    .option('--scope <scopes>', 'what an app may do that acts for them, with spaces between')
    .option('--body-file <path>', 'the JSON body of the request; without it nothing is known of it')
    .option('--address <address>', 'where the request comes from')
    .option('--accept-test-keys', 'as the guard does that lets test keys in')
    .option('--proof-checked', 'the token is bound to a key (DPoP), whose proof was good')
}

/** What the server is sent of it. @throws {Failure} exit code 2: it is not said who asks, or what for, or a file cannot be read */
export async function askedBody(method: string, path: string, options: AskedOptions) {
  if (!path.startsWith('/'))
    throw new Failure(`${path} is no path of a request`, {
      exitCode: 2,
      fix: 'begin it with /, as the request does after the name of its server',
    })
  return {
    ...(await subjectOf(options)),
    ...circumstancesOf(options),
    request: await requestOf(method, path, options),
  }
}

/** Asks `POST /{service}/{name}`. @throws {Failure} with what may lie behind a service that is not found */
export async function ask(session: Session, service: string, name: string, body: unknown): Promise<Item> {
  return await session.api.sendToService(service, name, body).catch(withAdvice)
}

/** The request, in the words of an answer about it. */
export function askedRequest(method: string, path: string): string {
  return `${method.toUpperCase()} ${path}`
}

/** What may lie behind a service that is not found: the key in use is no guard's, or guards another one. */
function withAdvice(error: unknown): never {
  const code = error instanceof Failure ? error.problem?.code : undefined
  if (!(error instanceof Failure) || code !== 'service_not_found') throw error
  throw error.with({
    fix: 'use the key of a guard of that service: keys create --service latchkey --role guard --guards <slug>',
  })
}

async function subjectOf(options: AskedOptions) {
  const { tokenFile, principal, organization, scope } = options
  const named = [tokenFile, principal, organization].filter((one) => one !== undefined)
  if (named.length !== 1)
    throw new Failure(named.length === 0 ? 'who asks?' : 'one asks, not several', {
      exitCode: 2,
      fix: 'give --token-file, --principal or --organization, one of the three',
    })
  refuseIdle(options)
  const scopes = scope === undefined ? {} : { scope: scope.split(' ').filter((one) => one !== '') }
  if (principal !== undefined) return { principal: { id: principal, ...scopes } }
  if (tokenFile !== undefined) return { token: (await contentOf(tokenFile)).trim() }
  const { role = [], kind = 'key', tag } = options
  const tags = tag === undefined ? {} : { tags: tagsOf(tag) }
  return { made_up: { organization, roles: role, kind, ...tags, ...scopes } }
}

/** An option that says nothing about who asks would look as if it did. @throws {Failure} exit code 2 */
function refuseIdle({ organization, tokenFile, role, kind, tag, scope }: AskedOptions): void {
  const idle = Object.entries({
    ...(organization === undefined ? { '--role': role, '--kind': kind, '--tag': tag } : {}),
    ...(tokenFile === undefined ? {} : { '--scope': scope }),
  }).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  if (idle.length === 0) return
  const who = tokenFile === undefined ? 'what the principal has' : 'what the token says'
  throw new Failure(`${idle.join(', ')} would change nothing: ${who} is what counts`, {
    exitCode: 2,
    fix: `leave ${idle.length === 1 ? 'it' : 'them'} out, or make somebody up with --organization`,
  })
}

function circumstancesOf({ address, acceptTestKeys, proofChecked }: AskedOptions) {
  return {
    ...(address === undefined ? {} : { address }),
    ...(acceptTestKeys === undefined ? {} : { accept_test_keys: true }),
    ...(proofChecked === undefined ? {} : { proof_checked: true }),
  }
}

async function requestOf(method: string, path: string, { bodyFile }: AskedOptions) {
  const asked = { method: method.toUpperCase(), path, can_filter: true }
  return bodyFile === undefined ? asked : { ...asked, body_text: await contentOf(bodyFile) }
}

async function contentOf(path: string): Promise<string> {
  try {
    return path === '-' ? await text(process.stdin) : await readFile(path, 'utf8')
  } catch (cause) {
    throw new Failure(`${path} cannot be read`, { exitCode: 2, fix: 'give the path of a file', cause })
  }
}
