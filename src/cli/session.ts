import { decodeJwt } from 'jose'
import { fetchAccessToken } from './access-token.ts'
import { type Credential, readCredential } from './client-credential.ts'
import { Failure } from './failure.ts'
import { type ManagementApi, managementApi } from './management-api.ts'
import { type Output, outputTo } from './output.ts'
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
  /** An access token for the key in use. */
  accessToken(endpoint: string, scope?: string): Promise<string>
  credential(): Promise<Credential>
  /** Origin of the server. */
  server(): Promise<string>
  /** The organization of the key in use. */
  ownOrganizationId(): Promise<string>
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
  const server = once(async () =>
    originOf(options.server ?? surroundings.server ?? (await credential()).origin ?? defaultServer),
  )
  const accessToken = async (endpoint: string, scope?: string) =>
    fetchAccessToken(await credential(), {
      endpoint,
      scope,
      sendKeyOverPlainHttp: options.sendKeyOverPlainHttp,
    })
  const token = once(async () => accessToken(`${await server()}/latchkey/oauth/token`))
  return {
    output: outputTo(surroundings.stdout, options.json === true),
    interactive: surroundings.interactive,
    api: managementApi(server, token),
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
