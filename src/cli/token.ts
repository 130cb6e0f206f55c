import { Command } from 'commander'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { Failure } from './failure.ts'
import type { Open, Session } from './session.ts'

interface TokenOptions {
  readonly service?: string
  readonly scope?: string
  readonly assumption?: string
  readonly decode?: true
}

export function tokenCommand(open: Open): Command {
  return new Command('token')
    .description(
      'print an access token for a key (--key-file, LATCHKEY_CLI_KEY, or --key-file - from stdin), or for who is signed in',
    )
    .option('--service <slug>', 'the service of the key, where the key file does not say it')
    .option('--scope <scopes>', 'narrow it to these, with spaces between')
    .option('--assumption <id>', 'of the role that another organization lets the key take')
    .option('--decode', 'show what the token says instead; its signature is not checked')
    .action(async (options: TokenOptions) => {
      const session = open()
      const { service, scope, assumption, decode } = options
      const isPlain = scope === undefined && assumption === undefined
      const own = isPlain ? await session.personToken(service ?? 'latchkey') : undefined
      const token =
        own ?? (await session.accessToken(await endpointOf(session, service), { scope, assumption }))
      if (decode === true)
        session.output.show({ header: decodeProtectedHeader(token), claims: decodeJwt(token) })
      else if (session.output.json) session.output.show({ access_token: token })
      else session.output.line(token)
    })
}

async function endpointOf(session: Session, service: string | undefined): Promise<string> {
  if (service !== undefined) return `${await session.server()}/${encodeURIComponent(service)}/oauth/token`
  const { tokenEndpoint } = await session.credential()
  // The server that was named, if one was: a secret goes nowhere else.
  if (tokenEndpoint !== undefined) return `${await session.server()}${new URL(tokenEndpoint).pathname}`
  throw new Failure('a bare secret does not say which service it is for', {
    exitCode: 2,
    fix: 'give --service <slug>',
  })
}
