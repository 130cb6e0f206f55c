import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { clientKeys } from '../../src/client-keys/client-key.ts'
import { newClientKey } from '../../src/client-keys/create-client-key.ts'
import type { Machine } from '../../src/compose/machine.ts'
import { compose, type Latchkey } from '../../src/compose.ts'
import type { Config } from '../../src/config.ts'
import { newIdFrom, type OrganizationId, type ServiceId } from '../../src/ids.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import { insert } from '../../src/storage/ports.ts'
import { shopDocument } from '../services/deployment.ts'

const clock = () => Date.now()
const random = (count: number) => randomBytes(count)
const silent = () => {}
const machine: Machine = {
  ...{
    clock,
    random,
    newId: newIdFrom(clock, random),
    newRequestId: () => `req_${randomUUID()}`,
    resolveTxt: async () => [],
    monotonic: () => performance.now(),
  },
  log: { error: silent, warn: silent, info: silent, debug: silent },
}

const Issued = z.object({ client_id: z.string(), client_secret: z.string() })
export type Credential = z.output<typeof Issued>
const OperatorKey = Issued.extend({
  organization_id: z.string().transform((id) => id as OrganizationId),
})
const Body = z.looseObject({})

/** The text of a new deployment secret. */
export const newSecret = () => randomBytes(32).toString('base64url')
export const idOf = (secret: string) => deploymentSecrets([secret], random).ids[0]

/** A data folder with its SQLite file: nodes are started on it, with whatever secrets. */
export async function openFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-rewrap-'))
  const file = join(folder, 'latchkey.db')
  const running = new Set<Latchkey>()
  const start = async (...secrets: readonly string[]) => {
    const config: Config = {
      ...{ origin: 'http://localhost:7700', host: '127.0.0.1', port: 0, dataFolder: folder, secrets },
      ...{ store: { kind: 'sqlite', path: file }, workers: 1, trustedProxies: 0, logLevel: 'silent' },
      nameServers: undefined,
      ...{
        tokensPerKeyPerMinute: 6_000,
        tokensPerAddressPerMinute: 60_000,
        apiCallsPerMinute: 6_000,
        guardCallsPerMinute: 600_000,
      },
      ...{ decisionsPerOrganizationPerMinute: 6_000, decisionsKeptDays: 30, decisionLog: 'off' },
      outgoing: { hosts: [], certificatesFile: undefined, allowPrivateAddressesInDevelopment: false },
    }
    const latchkey = await compose(config, secrets, machine)
    try {
      await latchkey.firstStart()
      running.add(latchkey)
      return node(await latchkey.listen(), folder, async () => {
        running.delete(latchkey)
        await latchkey.close()
      })
    } catch (error) {
      running.delete(latchkey)
      await latchkey.close()
      throw error
    }
  }
  return {
    start,
    file,
    operator: () => operatorKey(folder),
    /** Many keys at once, as older ones would lie there: no request each. */
    addKeys: async (secret: string, serviceId: ServiceId, count: number): Promise<readonly Credential[]> => {
      const { organization_id: organizationId } = await operatorKey(folder)
      const store = await openSqlite({ path: file, clock })
      const deps = { ...machine, secrets: deploymentSecrets([secret], random) }
      const wanted = { organizationId, serviceId, name: 'Many', role: 'orders:read', createdBy: 'key_0' }
      const issued = Array.from({ length: count }, () =>
        newClientKey(deps, clock(), { ...wanted, environment: 'live', cidrs: [] }),
      )
      for (const { key } of issued) await store.commit([insert(clientKeys, key)])
      await store.close()
      return issued.map(({ key, secret: text }) => ({
        client_id: key.id,
        client_secret: text?.reveal() ?? '',
      }))
    },
    /** Everything in the records of the store, as text. */
    dump: () => {
      const database = new DatabaseSync(file, { readOnly: true })
      const rows = database.prepare('SELECT document FROM records').all()
      database.close()
      return JSON.stringify(rows)
    },
    remove: async () => {
      for (const one of running) await one.close()
      await rm(folder, { recursive: true })
    },
  }
}

async function operatorKey(folder: string) {
  return OperatorKey.parse(JSON.parse(await readFile(join(folder, 'operator-key.json'), 'utf8')))
}

function node(address: string, folder: string, stop: () => Promise<void>) {
  const askToken = (service: string, { client_id, client_secret }: Credential) =>
    fetch(`${address}/${service}/oauth/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
  const tokenOf = async (service: string, key: Credential): Promise<string> => {
    const answer = await askToken(service, key)
    if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
    return z.object({ access_token: z.string() }).parse(await answer.json()).access_token
  }
  const call = async (method: string, path: string, body?: unknown, token?: string) => {
    const bearer = token ?? (await tokenOf('latchkey', await operatorKey(folder)))
    const answer = await fetch(`${address}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: Buffer.isBuffer(body) ? body : JSON.stringify(body) }),
    })
    return { status: answer.status, body: Body.parse(await answer.json()) }
  }
  return {
    address,
    stop,
    tokenOf,
    call,
    addShop: async (slug: string): Promise<ServiceId> => {
      const asked = await call('POST', `/services?slug=${slug}`, shopDocument())
      const made = await call(
        'POST',
        `/services?slug=${slug}&confirmation=${asked.body['confirmation']}`,
        shopDocument(),
      )
      return made.body['id'] as ServiceId
    },
    /** Of the operator, unless an organization is given. */
    addKey: async (service: string, role = 'orders:read', organizationId?: unknown): Promise<Credential> => {
      const owner = organizationId ?? (await operatorKey(folder)).organization_id
      const made = await call('POST', `/organizations/${owner}/keys`, { service, name: 'Export', role })
      if (made.status !== 201) throw new Error(`${made.status} ${JSON.stringify(made.body)}`)
      return Issued.parse(made.body)
    },
    rewrap: () => call('POST', '/secrets/rewrap'),
  }
}
