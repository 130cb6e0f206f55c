import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { Command, Option } from 'commander'
import { Explanation } from './explanation.ts'
import { explanationLines } from './explanation-lines.ts'
import { Failure } from './failure.ts'
import { repeated } from './options.ts'
import type { Open } from './session.ts'
import { tagsOf } from './tag-options.ts'

interface ExplainOptions {
  readonly service: string
  readonly tokenFile?: string
  readonly principal?: string
  readonly organization?: string
  readonly role?: readonly string[]
  readonly kind: 'key' | 'user'
  readonly tag?: readonly string[]
  readonly scope?: string
  readonly bodyFile?: string
  readonly address?: string
  readonly acceptTestKeys?: true
  readonly proofChecked?: true
}

export function explainCommand(open: Open): Command {
  return new Command('explain')
    .argument('<method>', 'of the request, such as PUT')
    .argument('<path>', 'as it is sent, with its query: /clusters/c1?force=true')
    .description(
      "tell why a request is allowed or denied, and what would have it allowed; with a guard's key (--key-file)",
    )
    .requiredOption('--service <slug>', 'the service of the API')
    .option('--token-file <path>', 'who asks: whose access token this is; - is standard input')
    .option('--principal <id>', 'who asks: a client key or a person')
    .option('--organization <id>', 'who asks: nobody that there is, of this organization')
    .addOption(repeated('--role <name or id>', 'that who is made up holds'))
    .addOption(new Option('--kind <kind>', 'of who is made up').choices(['key', 'user']).default('key'))
    .addOption(repeated('--tag <key=value>', 'of who is made up'))
    .option('--scope <scopes>', 'what an app may do that acts for them, with spaces between')
    .option('--body-file <path>', 'the JSON body of the request; without it nothing is known of it')
    .option('--address <address>', 'where the request comes from')
    .option('--accept-test-keys', 'as the guard does that lets test keys in')
    .option('--proof-checked', 'the token is bound to a key (DPoP), whose proof was good')
    .action(async (method: string, path: string, options: ExplainOptions) => {
      const session = open()
      const subject = await subjectOf(options)
      const body = {
        ...subject,
        ...circumstancesOf(options),
        request: await requestOf(method, path, options),
      }
      const answer = await session.api.sendToService(options.service, 'explain', body).catch(withAdvice)
      if (session.output.json) session.output.show(answer)
      else
        for (const line of explanationLines(Explanation.parse(answer), `${method.toUpperCase()} ${path}`))
          session.output.line(line)
    })
}

/** What may lie behind a service that is not found: the key in use is no guard's, or guards another one. */
function withAdvice(error: unknown): never {
  const code = error instanceof Failure ? error.problem?.code : undefined
  if (!(error instanceof Failure) || code !== 'service_not_found') throw error
  throw new Failure(error.message, {
    ...{ exitCode: error.exitCode, cause: error },
    ...(error.problem === undefined ? {} : { problem: error.problem }),
    fix: 'use the key of a guard of that service: keys create --service latchkey --role guard --guards <slug>',
  })
}

async function subjectOf({ tokenFile, principal, organization, scope, ...made }: ExplainOptions) {
  const scopes = scope === undefined ? {} : { scope: scope.split(' ').filter((one) => one !== '') }
  const named = [tokenFile, principal, organization].filter((one) => one !== undefined)
  if (named.length !== 1)
    throw new Failure(named.length === 0 ? 'who asks?' : 'one asks, not several', {
      exitCode: 2,
      fix: 'give --token-file, --principal or --organization, one of the three',
    })
  if (principal !== undefined) return { principal: { id: principal, ...scopes } }
  if (tokenFile !== undefined) return { token: (await contentOf(tokenFile)).trim() }
  const tags = made.tag === undefined ? {} : { tags: tagsOf(made.tag) }
  return { made_up: { organization, roles: made.role ?? [], kind: made.kind, ...tags, ...scopes } }
}

function circumstancesOf({ address, acceptTestKeys, proofChecked }: ExplainOptions) {
  return {
    ...(address === undefined ? {} : { address }),
    ...(acceptTestKeys === undefined ? {} : { accept_test_keys: true }),
    ...(proofChecked === undefined ? {} : { proof_checked: true }),
  }
}

async function requestOf(method: string, path: string, { bodyFile }: ExplainOptions) {
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
