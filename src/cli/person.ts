import { join } from 'node:path'
import { z } from 'zod'
import { createTokenSource, type PersonTokenOptions, type PersonTokenSource } from '../sdk/index.ts'
import { tokenFileAt } from '../sdk/token-file.ts'
import { failureFrom } from './access-token.ts'

/** Where a person signs in: a server, and one service of it. */
export interface SignInPlace {
  readonly server: string
  readonly service: string
}

/** What the command keeps of people who have signed in with it: a file for each place, for their eyes alone. */
export interface SignIns {
  /** The server at which somebody has signed in last. */
  server(): Promise<string | undefined>
  /** The client with which somebody is signed in there; `undefined`: nobody is. */
  clientAt(place: SignInPlace): Promise<string | undefined>
  /** Their tokens. */
  tokensAt(place: SignInPlace, options: SignInOptions): PersonTokenSource
  noteServer(server: string): Promise<void>
  /** Somebody has signed out there. */
  forgetServer(server: string): Promise<void>
}

export type SignInOptions = Pick<PersonTokenOptions, 'clientId' | 'signIn' | 'scope'> &
  Partial<Pick<PersonTokenOptions, 'parameters' | 'show' | 'sendKeyOverPlainHttp'>>

const Kept = z.looseObject({ client_id: z.string() })

/** @param folder the command's own, in the person's home */
export function signInsIn(folder: string): SignIns {
  const noted = join(folder, 'server')
  const fileOf = ({ server, service }: SignInPlace) =>
    join(folder, `${encodeURIComponent(new URL(server).host)}.${encodeURIComponent(service)}.json`)
  const contentOf = (path: string) => tokenFileAt(path).read()
  const notedServer = async () => (await contentOf(noted))?.trim()
  return {
    server: notedServer,
    async clientAt(place) {
      const kept = Kept.safeParse(jsonOf((await contentOf(fileOf(place))) ?? ''))
      return kept.success ? kept.data.client_id : undefined
    },
    tokensAt: ({ server, service }, options) => {
      try {
        return createTokenSource({
          latchkey: server,
          service,
          store: fileOf({ server, service }),
          ...options,
        })
      } catch (error) {
        throw failureFrom(error, server)
      }
    },
    noteServer: (server) => tokenFileAt(noted).write(`${server}\n`),
    forgetServer: async (server) => {
      if ((await notedServer()) === server) await tokenFileAt(noted).remove()
    },
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
