// A whole server in a process of its own, on an empty store, with a service and keys.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { openMongo } from '../../adapters/mongodb/open.ts'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { clientKeys } from '../../src/client-keys/client-key.ts'
import { newClientKey } from '../../src/client-keys/create-client-key.ts'
import { newIdFrom, type OrganizationId, type ServiceId } from '../../src/ids.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import { type Change, insert, type Store } from '../../src/storage/ports.ts'

export interface Place {
  readonly name: 'SQLite' | 'MongoDB'
  readonly dataFolder: string
  /** The value of `LATCHKEY_STORE`. */
  readonly store: string
  readonly secret: string
  /** All that was kept there. */
  remove(): Promise<void>
}

export function sqlitePlace(): Place {
  const dataFolder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
  return placeOf('SQLite', dataFolder, `sqlite:${join(dataFolder, 'latchkey.db')}`, async () => {})
}

/** A database of its own on the server that `MONGODB_URI` names; `undefined` without one. */
export function mongoPlace(uri: string | undefined): Place | undefined {
  if (uri === undefined) return undefined
  const url = new URL(uri)
  url.pathname = `/latchkey_bench_${randomBytes(6).toString('hex')}`
  return placeOf('MongoDB', mkdtempSync(join(tmpdir(), 'latchkey-bench-')), url.href, async () => {
    const client = await MongoClient.connect(url.href)
    await client.db().dropDatabase()
    await client.close()
  })
}

function placeOf(
  name: Place['name'],
  dataFolder: string,
  store: string,
  removeStore: () => Promise<void>,
): Place {
  const secret = randomBytes(32).toString('base64url')
  return {
    name,
    dataFolder,
    store,
    secret,
    remove: async () => {
      await removeStore()
      rmSync(dataFolder, { recursive: true, force: true })
    },
  }
}

export interface Node {
  /** What its tokens and links name. */
  readonly origin: string
  /** Where it is reached. */
  readonly listensAt: string
  readonly pid: number
  /** From the start of the process to the first line that says it is ready. */
  readonly readyMs: number
  /** What the process said last to its parent, after this was said to it. */
  ask(question: string): Promise<unknown>
  stop(): Promise<void>
}

interface NodeOptions {
  /** Pins the process to that core, where `taskset` is at hand. */
  readonly cpu?: number | undefined
  /** Of the deployment, if another node has begun it. */
  readonly origin?: string
  /** A file of this folder that the process loads first. */
  readonly preload?: string
}

export async function startNode(place: Place, { cpu, origin, preload }: NodeOptions = {}): Promise<Node> {
  const port = await freePort()
  const listensAt = `http://127.0.0.1:${port}`
  const main = join(import.meta.dirname, '../../src/main.ts')
  const args = [...(preload === undefined ? [] : ['--import', join(import.meta.dirname, preload)]), main]
  const began = performance.now()
  const [command, all] =
    cpu === undefined ? [process.execPath, args] : ['taskset', ['-c', String(cpu), process.execPath, ...args]]
  const child = endsWithUs(
    spawn(command, all, {
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'production',
        LATCHKEY_ORIGIN: origin ?? listensAt,
        LATCHKEY_PORT: String(port),
        LATCHKEY_DATA: place.dataFolder,
        LATCHKEY_STORE: place.store,
        LATCHKEY_SECRETS: place.secret,
        LATCHKEY_TOKENS_PER_KEY_PER_MINUTE: '100000000',
        LATCHKEY_TOKENS_PER_ADDRESS_PER_MINUTE: '100000000',
        LATCHKEY_API_CALLS_PER_MINUTE: '100000000',
        LATCHKEY_GUARD_CALLS_PER_MINUTE: '100000000',
      },
      stdio: ['ignore', 'pipe', 'inherit', ...(preload === undefined ? [] : ['ipc' as const])],
    }),
  )
  await said(child, 'Latchkey is ready')
  return {
    origin: origin ?? listensAt,
    listensAt,
    pid: child.pid ?? 0,
    readyMs: performance.now() - began,
    ask: (question) =>
      new Promise((resolve) => {
        child.once('message', resolve)
        child.send(question)
      }),
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.kill('SIGTERM')
      }),
  }
}

/** A bench that fails or is stopped leaves no server behind. */
export function endsWithUs(child: ChildProcess): ChildProcess {
  const end = () => child.kill('SIGTERM')
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
  return child
}

/** Resolves with the first line of output that has `words` in it. */
export function said(child: ChildProcess, words: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const line = text.split('\n').find((one) => one.includes(words))
      if (line !== undefined) resolve(line)
    })
    child.once('exit', (code) =>
      reject(new Error(`it ended with ${code} before it said "${words}": ${text}`)),
    )
  })
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

export interface Operator {
  readonly organizationId: OrganizationId
  /** Calls the management API; throws with what it answered if that is no success. */
  call(method: string, path: string, body?: unknown, type?: string): Promise<Record<string, unknown>>
}

export async function operatorOf(place: Place, node: Node): Promise<Operator> {
  const file = JSON.parse(readFileSync(join(place.dataFolder, 'operator-key.json'), 'utf8')) as Record<
    string,
    string
  >
  const token = await tokenFor(
    `${node.origin}/latchkey`,
    file['client_id'] ?? '',
    file['client_secret'] ?? '',
  )
  return {
    organizationId: file['organization_id'] as OrganizationId,
    call: async (method, path, body, type = 'application/json') => {
      const response = await fetch(`${node.origin}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': type }),
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const answer = (await response.json()) as Record<string, unknown>
      if (!response.ok && answer['code'] !== 'confirmation_required') {
        throw new Error(`${method} ${path} answered ${response.status}: ${JSON.stringify(answer)}`)
      }
      return answer
    },
  }
}

export async function tokenFor(issuer: string, clientId: string, secret: string): Promise<string> {
  const response = await fetch(`${issuer}/oauth/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })
  const { access_token } = (await response.json()) as { access_token?: string }
  if (access_token === undefined) throw new Error(`${issuer} gave no token: ${response.status}`)
  return access_token
}

/** Imports a document and confirms what it changes. */
export async function importService(
  operator: Operator,
  slug: string,
  text: string,
): Promise<{ id: ServiceId }> {
  const path = `/services?slug=${slug}`
  const shown = await operator.call('POST', path, text)
  const answer =
    shown['code'] === 'confirmation_required'
      ? await operator.call('POST', `${path}&confirmation=${String(shown['confirmation'])}`, text)
      : shown
  return { id: answer['id'] as ServiceId }
}

/** Puts that many keys straight into the store, as `id:secret` each: the API would take minutes for thousands. */
export async function seedKeys(
  place: Place,
  { organizationId, serviceId, role }: { organizationId: OrganizationId; serviceId: ServiceId; role: string },
  count: number,
): Promise<readonly string[]> {
  const clock = () => Date.now()
  const newId = newIdFrom(clock, randomBytes)
  const secrets = deploymentSecrets([place.secret], randomBytes)
  const store = await openPlace(place)
  const clients: string[] = []
  for (let done = 0; done < count; done += 100) {
    const changes = Array.from({ length: Math.min(100, count - done) }, (_, i): Change => {
      const beginning = {
        ...{ organizationId, serviceId, role, name: `key ${done + i}`, createdBy: 'bench' },
        ...({ environment: 'live', cidrs: [] } as const),
      }
      const { key, secret } = newClientKey({ newId, secrets, random: randomBytes }, clock(), beginning)
      clients.push(`${key.id}:${secret?.reveal() ?? ''}`)
      return insert(clientKeys, key)
    })
    const [first, ...rest] = changes
    if (first !== undefined) await store.commit([first, ...rest])
  }
  await store.close()
  return clients
}

export function openPlace({ store }: Place): Promise<Store> {
  const clock = () => Date.now()
  return store.startsWith('sqlite:')
    ? openSqlite({ path: store.slice('sqlite:'.length), clock })
    : openMongo({ url: store, clock })
}
