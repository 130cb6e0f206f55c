import { Command } from 'commander'
import { decodeJwt } from 'jose'
import { z } from 'zod'
import { commandClientId } from '../ids.ts'
import type { SignInAsk } from '../sdk/index.ts'
import { failureFrom } from './access-token.ts'
import { Failure } from './failure.ts'
import { at } from './management-api.ts'
import { openBrowser } from './open-browser.ts'
import type { Item } from './output.ts'
import type { Open, Session } from './session.ts'

interface LoginOptions {
  readonly device?: true
  readonly service: string
  readonly clientId?: string
  readonly scope?: string
  readonly organization?: string
}

const managementService = 'latchkey'
/** All that the person may do; `admin` is for the operator's people alone, and left out for others. */
const managementScope = 'organization-admin admin'

export function loginCommand(open: Open): Command {
  return new Command('login')
    .description('sign in as a person, in place of a key; later commands act for them')
    .option('--device', 'with a code that is entered in a browser elsewhere')
    .option('--organization <id or slug>', 'as which of your accounts')
    .option(
      '--service <slug>',
      'to call the API of another service, with a client of that',
      managementService,
    )
    .option('--client-id <id>', 'the client of that service')
    .option('--scope <scopes>', 'no more than these, with spaces between')
    .action(async (options: LoginOptions) => {
      const session = open()
      const server = await session.server()
      const { service, device, organization } = options
      const source = session.signIns.tokensAt(
        { server, service },
        {
          ...clientOf(options),
          signIn: device === true ? 'device' : 'browser',
          parameters: organization === undefined ? {} : { organization },
          show: (ask) => tell(session, ask),
          ...session.sending,
        },
      )
      try {
        await source.signIn()
        await session.signIns.noteServer(server)
        session.output.say(`Signed in at ${server}.`)
        session.output.show(whoIs(await source.token(), server))
      } catch (error) {
        throw failureFrom(error, server)
      } finally {
        source.close()
      }
    })
}

function clientOf({ service, clientId, scope }: LoginOptions): { clientId: string; scope: string } {
  if (service === managementService)
    return { clientId: clientId ?? commandClientId, scope: scope ?? managementScope }
  if (clientId !== undefined && scope !== undefined) return { clientId, scope }
  throw new Failure(`the command has no client of its own at ${service}`, {
    exitCode: 2,
    fix: 'give --client-id of a public client there with the redirect URI http://127.0.0.1/callback, and --scope',
  })
}

/** On the error stream: the answer of the command is something else. */
function tell({ interactive }: Session, ask: SignInAsk): void {
  if (ask.kind === 'device') {
    const minutes = Math.round(ask.expiresInSeconds / 60)
    console.error(`Open ${ask.url}\nand enter the code ${ask.userCode}\nwithin ${minutes} minutes.`)
    return
  }
  console.error(`Sign in with your browser, on this machine:\n${ask.url}`)
  if (interactive) openBrowser(ask.url, process.platform)
}

export function logoutCommand(open: Open): Command {
  return new Command('logout')
    .description('end what `latchkey login` has begun')
    .option('--service <slug>', 'where', managementService)
    .action(async ({ service }: { service: string }) => {
      const { signIns, output, server: serverOf, sending } = open()
      const server = await serverOf()
      const clientId = await signIns.clientAt({ server, service })
      if (clientId === undefined) {
        output.say(`Nobody was signed in at ${server}.`)
        return
      }
      const source = signIns.tokensAt(
        { server, service },
        { clientId, signIn: 'never', scope: '', ...sending },
      )
      try {
        await source.signOut()
      } catch (error) {
        throw failureFrom(error, server)
      } finally {
        source.close()
        await signIns.forgetServer(server)
      }
      output.say(`Signed out at ${server}.`)
    })
}

export function whoamiCommand(open: Open): Command {
  return new Command('whoami').description('show for whom commands act, at which server').action(async () => {
    const session = open()
    const token = await session.token()
    const item = whoIs(token, await session.server())
    session.output.show({ ...item, ...(await nameOf(session, item)) })
  })
}

const Claims = z.looseObject({
  sub: z.string(),
  org_id: z.string(),
  roles: z.array(z.string()),
  scope: z.string().optional(),
  auth_time: z.number().optional(),
})

function whoIs(token: string, server: string): Item {
  const { sub, org_id, roles, scope, auth_time: signedInAt } = Claims.parse(decodeJwt(token))
  return {
    server,
    kind: sub.startsWith('usr_') ? 'person' : 'key',
    id: sub,
    organization_id: org_id,
    roles,
    scope: scope ?? null,
    signed_in_at: signedInAt === undefined ? null : new Date(signedInAt * 1000).toISOString(),
  }
}

/** What the person or key is called, if they may read it. */
async function nameOf({ api }: Session, { kind, id, organization_id: organization }: Item): Promise<Item> {
  const [where, named] = kind === 'person' ? ['users', 'email'] : ['keys', 'name']
  try {
    const item = await api.get(at`/organizations/${String(organization)}/${where}/${String(id)}`)
    return { [named]: item[named] }
  } catch (error) {
    if (error instanceof Failure && error.problem !== undefined) return {}
    throw error
  }
}
