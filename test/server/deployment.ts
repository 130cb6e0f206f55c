// A whole deployment in this process: everything that `main` starts, on an empty store.
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Machine } from '../../src/compose/machine.ts'
import { compose } from '../../src/compose.ts'
import type { Config, StoreLocation } from '../../src/config.ts'
import { newIdFrom } from '../../src/ids.ts'
import { newMongoPlace } from '../contract/mongo-place.ts'
import { Operator } from './client.ts'

/** Everything that was logged, as text. */
export interface Logged {
  readonly lines: string[]
}

export interface EmptyPlace {
  readonly folder: string
  readonly store: StoreLocation
  drop(): Promise<void>
}

export interface Deployment extends EmptyPlace, Logged {
  readonly address: string
  readonly config: Config
  readonly operator: Operator
  /** Stops the server, then deletes what it kept. */
  stop(): Promise<void>
  /** Stops the server and starts it again on the same store. */
  restart(): Promise<void>
}

/** A port that nothing listens at. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on a port, not on a pipe, has an `AddressInfo`.
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** An empty SQLite file or, where `MONGODB_URI` names a server, an empty database there; and a folder for key files. */
export async function emptyPlace(): Promise<EmptyPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-server-'))
  const dropFolder = () => rm(folder, { recursive: true, force: true })
  const url = process.env['MONGODB_URI']
  if (url === undefined)
    return { folder, store: { kind: 'sqlite', path: join(folder, 'latchkey.db') }, drop: dropFolder }
  const place = newMongoPlace(url)
  return {
    folder,
    store: { kind: 'mongodb', url: place.address },
    drop: async () => {
      await place.drop()
      await dropFolder()
    },
  }
}

/** What the name servers of these deployments say: a TXT record by its name. */
export const publishedTxt = new Map<string, string>()

export function machineLogging(lines: string[]): Machine {
  const clock = () => Date.now()
  const random = (byteCount: number) => randomBytes(byteCount)
  const at = (level: string) => (data: object, sentence: string) => {
    lines.push(JSON.stringify({ level, sentence, ...data }))
  }
  const log = { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') }
  return {
    clock,
    random,
    newId: newIdFrom(clock, random),
    newRequestId: () => `req_${randomUUID()}`,
    resolveTxt: async (name) => {
      const text = publishedTxt.get(name)
      return text === undefined ? [] : [[text]]
    },
    monotonic: () => performance.now(),
    log,
  }
}

/** As large as they are only here: what limits do is a test of its own. */
const unlimited = 100_000_000

export async function configFor(place: EmptyPlace, more: Partial<Config> = {}): Promise<Config> {
  const port = await freePort()
  return {
    origin: `http://127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    dataFolder: place.folder,
    store: place.store,
    secrets: undefined,
    workers: 1,
    trustedProxies: 0,
    nameServers: undefined,
    logLevel: 'debug',
    tokensPerKeyPerMinute: unlimited,
    tokensPerAddressPerMinute: unlimited,
    apiCallsPerMinute: unlimited,
    guardCallsPerMinute: unlimited,
    decisionsPerOrganizationPerMinute: unlimited,
    decisionsKeptDays: 30,
    decisionLog: 'off',
    outgoing: { hosts: [], certificatesFile: undefined, allowPrivateAddressesInDevelopment: true },
    ...more,
  }
}

export function newDeploymentSecret(): string {
  return randomBytes(32).toString('base64')
}

export async function startDeployment(
  more: Partial<Config> = {},
  machine: Partial<Machine> = {},
): Promise<Deployment> {
  const place = await emptyPlace()
  const config = await configFor(place, more)
  const secrets = config.secrets ?? [newDeploymentSecret()]
  const lines: string[] = []
  const start = async () => {
    const server = await compose(config, secrets, { ...machineLogging(lines), ...machine })
    await server.firstStart()
    await server.listen()
    return server
  }
  let server = await start()
  const address = config.origin
  return {
    ...place,
    ...{ address, config, lines },
    operator: await Operator.at(address, place.folder),
    stop: async () => {
      await server.close()
      await place.drop()
    },
    restart: async () => {
      await server.close()
      server = await start()
    },
  }
}
