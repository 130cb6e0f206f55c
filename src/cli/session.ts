import { decodeJwt } from 'jose'
import type { PersonTokenSource } from '../sdk/index.ts'
import { failureFrom, fetchAccessToken } from './access-token.ts'
import { type Credential, readCredential } from './client-credential.ts'
import { Failure } from './failure.ts'
import { type ManagementApi, managementApi } from './management-api.ts'
import { type Output, outputTo } from './output.ts'
import { type SignIns, signInsIn } from './person.ts'
import type { Surroundings } from './surroundings.ts'

export interface GlobalOptions {
  readonly server?: string
  readonly keyFile?: string
  readonly json?: true
  readonly sendKeyOverPlainHttp?: true
}

/** One run of the command. Nothing is read or asked before it is needed. */
export interface Session {
  readonly output: Output
  /** Whether a question can be asked. */
  readonly interactive: boolean
  readonly api: ManagementApi
  /** People who have signed in with the command. */
  readonly signIns: SignIns
  /** What of the options says how tokens may be sent. */
  readonly sending: { readonly sendKeyOverPlainHttp?: true }
  /** An access token of the service `latchkey`: of the key that was given, else of whoever is signed in. */
  token(): Promise<string>
  /** An access token of the person who is signed in at that service; `undefined`: nobody is, or a key was given. */
  personToken(service: string): Promise<string | undefined>
  /** An access token for the key in use. */
  accessToken(endpoint: string, asked?: TokenAsk): Promise<string>
  credential(): Promise<Credential>
  /** Origin of the server. */
  server(): Promise<string>
  /** The organization of the key in use. */
  ownOrganizationId(): Promise<string>
}

/** Absent: all of the key's own role. */
interface TokenAsk {
  readonly scope?: string | undefined
  readonly assumption?: string | undefined
}

const defaultServer = 'http://localhost:7700'

/** Opens the session of this run, once its options are known. */
export type Open = () => Session

export function openSession(surroundings: Surroundings, options: GlobalOptions): Session {
  const credential = once(() =>
    readCredential({
      keyFile: options.keyFile,
      keyText: surroundings.key,
      defaultFile: surroundings.keyFile,
    }),
  )
  const signIns = signInsIn(surroundings.ownFolder)
  const sending = options.sendKeyOverPlainHttp === undefined ? {} : { sendKeyOverPlainHttp: true as const }
  const isKeyGiven = [options.keyFile, surroundings.key, surroundings.keyFile].some(
    (one) => one !== undefined,
  )
  const server = once(async () => {
    const named = options.server ?? surroundings.server ?? (isKeyGiven ? undefined : await signIns.server())
    return originOf(named ?? (await originOfKey(credential, isKeyGiven)) ?? defaultServer)
  })
  const personToken = async (service: string) => {
    if (isKeyGiven) return undefined
    const place = { server: await server(), service }
    const clientId = await signIns.clientAt(place)
    return (
      clientId &&
      fetchPersonToken(
        signIns.tokensAt(place, { clientId, signIn: 'never', scope: '', ...sending }),
        place.server,
      )
    )
  }
  const accessToken = async (endpoint: string, { scope, assumption }: TokenAsk = {}) =>
    fetchAccessToken(await credential(), {
      endpoint,
      scope,
      assumption,
      sendKeyOverPlainHttp: options.sendKeyOverPlainHttp,
    })
  const token = once(
    async () => (await personToken('latchkey')) ?? accessToken(`${await server()}/latchkey/oauth/token`),
  )
  return {
    output: outputTo(surroundings.stdout, options.json === true),
    interactive: surroundings.interactive,
    api: managementApi(server, token),
    signIns,
    sending,
    token,
    personToken,
    accessToken,
    credential,
    server,
    async ownOrganizationId() {
      const organizationId = decodeJwt(await token())['org_id']
      if (typeof organizationId === 'string') return organizationId
      throw new Failure('the token names no organization', { exitCode: 2, fix: 'give --organization' })
    },
  }
}

async function fetchPersonToken(source: PersonTokenSource, server: string): Promise<string> {
  try {
    return await source.token()
  } catch (error) {
    throw failureFrom(error, server)
  } finally {
    source.close()
  }
}

/** The key that lies there by default need not be there: then somebody signs in. */
async function originOfKey(
  credential: () => Promise<Credential>,
  isGiven: boolean,
): Promise<string | undefined> {
  try {
    return (await credential()).origin
  } catch (error) {
    if (isGiven) throw error
    return undefined
  }
}

function originOf(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text).origin
  throw new Failure(`${text} is no address of a server`, {
    exitCode: 2,
    fix: `give one such as ${defaultServer}`,
  })
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
