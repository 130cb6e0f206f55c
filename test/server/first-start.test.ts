import { randomBytes } from 'node:crypto'
import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { clientKeys } from '../../src/client-keys/client-key.ts'
import { compose } from '../../src/compose.ts'
import type { Config } from '../../src/config.ts'
import { commandClientId, newIdFrom, parseId } from '../../src/ids.ts'
import { organizations } from '../../src/organizations/organization.ts'
import { remove, type Store } from '../../src/storage/ports.ts'
import { openAt } from '../contract/open-at.ts'
import { Operator, objectIn, send, tokenOf } from './client.ts'
import {
  configFor,
  type EmptyPlace,
  emptyPlace,
  machineLogging,
  newDeploymentSecret,
  startDeployment,
} from './deployment.ts'
import { itemsOf } from './operations.ts'
import { runServer } from './processes.ts'

const places: EmptyPlace[] = []
afterAll(async () => {
  for (const place of places) await place.drop()
})

async function newPlace(): Promise<EmptyPlace> {
  const place = await emptyPlace()
  places.push(place)
  return place
}

/** Starts a server there, leaves it to `look` while it listens, and stops it. */
async function whileServing<T>(
  config: Config,
  secret: string,
  look: (operator: () => Promise<Operator>) => Promise<T>,
): Promise<T> {
  const server = await compose(config, [secret], machineLogging([]))
  try {
    await server.firstStart()
    await server.listen()
    return await look(() => Operator.at(config.origin, config.dataFolder))
  } finally {
    await server.close()
  }
}

const keyFiles = async (folder: string) =>
  (await readdir(folder)).filter((name) => name.includes('operator-key'))

/** Looks into the store that a deployment keeps there. */
async function inStore<T>({ store }: EmptyPlace, look: (store: Store) => Promise<T>): Promise<T> {
  const address = store.kind === 'sqlite' ? `sqlite:${store.path}` : store.url
  const opened = await openAt(address, () => Date.now())
  try {
    return await look(opened)
  } finally {
    await opened.close()
  }
}

const operatorCount = (place: EmptyPlace) =>
  inStore(
    place,
    async ({ records }) => (await records.locate(organizations, 'operator', '', { limit: 10 })).length,
  )

test('an empty store gets an operator, the service latchkey, and a key file for its owner alone that opens it', async () => {
  const place = await newPlace()
  const config = await configFor(place)
  await whileServing(config, newDeploymentSecret(), async (operator) => {
    expect(await keyFiles(place.folder)).toEqual(['operator-key.json'])
    expect((await stat(join(place.folder, 'operator-key.json'))).mode & 0o777).toBe(0o600)
    const file = objectIn(await readFile(join(place.folder, 'operator-key.json'), 'utf8'))
    expect(file['token_endpoint']).toBe(`${config.origin}/latchkey/oauth/token`)
    const { json } = await (await operator()).do('GET', '/services/latchkey')
    expect(json).toMatchObject({ kind: 'system', audience: config.origin })
    expect((await (await operator()).do('GET', '/organizations')).json['items']).toMatchObject([
      { kind: 'operator' },
    ])
  })
})

test('a second start leaves all as it is', async () => {
  const place = await newPlace()
  const config = await configFor(place)
  const secret = newDeploymentSecret()
  const first = await whileServing(config, secret, (operator) => operator())
  const second = await whileServing(config, secret, (operator) => operator())
  expect(second.key).toEqual(first.key)
  expect(await operatorCount(place)).toBe(1)
})

test('five processes that start at once on an empty folder make one operator and one key file that opens', async () => {
  const place = await newPlace()
  const origin = 'https://id.example.test'
  const environment = {
    ...{ LATCHKEY_DATA: place.folder, LATCHKEY_ORIGIN: origin },
    // With SQLite the deployment secret, too, is made by one of the five.
    ...(place.store.kind === 'sqlite'
      ? { LATCHKEY_STORE: `sqlite:${place.store.path}` }
      : { LATCHKEY_STORE: place.store.url, LATCHKEY_SECRETS: newDeploymentSecret() }),
  }
  const servers = await Promise.all(Array.from({ length: 5 }, () => runServer(environment)))
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.stop()))
  })
  await Promise.all(servers.map(({ ready }) => ready))
  expect(await keyFiles(place.folder)).toEqual(['operator-key.json'])
  expect(await operatorCount(place)).toBe(1)
  for (const { address } of servers) {
    const { key } = await Operator.at(address, place.folder)
    expect(await tokenOf(address, key)).toMatch(/^eyJ/)
  }
}, 60_000)

test('a start that ended between the commit and the renaming of its key file is finished by the next', async () => {
  const place = await newPlace()
  const config = await configFor(place)
  const secret = newDeploymentSecret()
  const { key } = await whileServing(config, secret, (operator) => operator())
  const file = join(place.folder, 'operator-key.json')
  await rename(file, join(place.folder, `operator-key.${key.id}.json.tmp`))
  const again = await whileServing(config, secret, async (operator) => {
    expect(await tokenOf(config.origin, (await operator()).key)).toMatch(/^eyJ/)
    return operator()
  })
  expect(again.key).toEqual(key)
  expect(await keyFiles(place.folder)).toEqual(['operator-key.json'])
})

test('a start that ended between its key file and the commit is done anew by the next', async () => {
  const place = await newPlace()
  const newId = newIdFrom(() => Date.now(), randomBytes)
  const left = join(place.folder, `operator-key.${newId('key')}.json.tmp`)
  await writeFile(left, '{"client_id":"of a key that never came into the store"}', { mode: 0o600 })
  const config = await configFor(place)
  await whileServing(config, newDeploymentSecret(), async (operator) => {
    expect(await tokenOf(config.origin, (await operator()).key)).toMatch(/^eyJ/)
  })
  expect(await keyFiles(place.folder)).toEqual(['operator-key.json'])
})

test("another deployment's secret stops the start, and says what to do", async () => {
  const place = await newPlace()
  const config = await configFor(place)
  await whileServing(config, newDeploymentSecret(), async () => undefined)
  const start = whileServing(config, newDeploymentSecret(), async () => undefined)
  await expect(start).rejects.toThrow(/LATCHKEY_SECRETS/)
})

test('without a deployment secret a store that is shared among machines stops the start, and says how to make one', async () => {
  const { folder } = await newPlace()
  const server = await runServer({ LATCHKEY_DATA: folder, LATCHKEY_STORE: 'mongodb://127.0.0.1:1/none' })
  await expect(server.ready).rejects.toThrow(/LATCHKEY_SECRETS is needed.*openssl rand -base64 32/)
  expect(await server.ended).toBe(1)
})

test('a deployment that moves to another origin gives and takes tokens for that one', async () => {
  const place = await newPlace()
  const config = await configFor(place)
  const secret = newDeploymentSecret()
  const before = await whileServing(config, secret, async (operator) => (await operator()).token())
  const moved = { ...config, origin: 'https://id.example.test' }
  await whileServing(moved, secret, async () => {
    const here = await Operator.at(`http://127.0.0.1:${config.port}`, place.folder)
    expect((await here.do('GET', '/services/latchkey')).json['audience']).toBe(moved.origin)
    const old = await send(here.address, 'GET', '/api/v1/services', { token: before })
    expect([old.status, old.json['code']]).toEqual([401, 'invalid_token'])
  })
})

test('what happened just before a stop is not lost: the last use of a key is there after a restart', async () => {
  const deployment = await startDeployment()
  onTestFinished(() => deployment.stop())
  const { address, operator } = deployment
  await operator.importClinic()
  const organization = await operator.makeOrganization()
  const key = await operator.makeKey(organization, { role: 'patients:read' })
  await tokenOf(address, key, 'clinic')
  await deployment.restart()
  const { json } = await operator.do('GET', `/organizations/${organization}/keys/${key.id}`)
  expect(json['last_used_at']).toMatch(/^20/)
})

describe('the latchkey command as a client', () => {
  const commandOf = async (operator: Operator) => {
    const keys = `/organizations/${operator.organizationId}/keys`
    return (await operator.do('GET', `${keys}/${commandClientId}`)).json
  }

  test('is there from the first start on, public and native', async () => {
    const config = await configFor(await newPlace())
    await whileServing(config, newDeploymentSecret(), async (operator) => {
      expect(await commandOf(await operator())).toMatchObject({
        ...{ name: 'latchkey command', state: 'active', authentication: 'none' },
        ...{ application_type: 'native', redirect_uris: ['http://127.0.0.1/callback'] },
      })
    })
  })

  test('comes to a deployment from before it, once, by eight nodes that start at the same time', async () => {
    const place = await newPlace()
    const config = await configFor(place)
    const secret = newDeploymentSecret()
    const operator = await whileServing(config, secret, (found) => found())
    const operatorId = parseId('org', operator.organizationId)
    if (operatorId === undefined) throw new Error('the operator has an id')
    await inStore(place, async ({ records, commit }) => {
      const key = await records.find(operatorId, clientKeys, commandClientId)
      if (key === undefined) throw new Error('the command is a client')
      await commit([remove(clientKeys, key)])
    })
    const nodes = await Promise.all(
      Array.from({ length: 8 }, () => compose(config, [secret], machineLogging([]))),
    )
    try {
      await Promise.all(nodes.map((node) => node.firstStart()))
    } finally {
      await Promise.all(nodes.map((node) => node.close()))
    }
    await whileServing(config, secret, async () => {
      expect(await commandOf(operator)).toMatchObject({ state: 'active' })
      const path = `/organizations/${operator.organizationId}/audit-events?type=client_key.created&limit=100`
      const made = itemsOf((await operator.do('GET', path)).text).filter(
        ({ target }) => target === commandClientId,
      )
      // Once at the first start, and once since.
      expect(made).toHaveLength(2)
    })
  })

  test('cannot be ended for good, or sent elsewhere: each says to disable it', async () => {
    const config = await configFor(await newPlace())
    const secret = newDeploymentSecret()
    await whileServing(config, secret, async (found) => {
      const operator = await found()
      const path = `/organizations/${operator.organizationId}/keys/${commandClientId}`
      const refused = [
        await operator.try('POST', `${path}/revoke`, {}),
        await operator.try('PATCH', path, { redirect_uris: ['http://127.0.0.1/elsewhere'] }),
        await operator.try('PATCH', path, { application_type: 'web' }),
      ]
      for (const { status, json } of refused) {
        expect([status, json['code']]).toEqual([409, 'client_key_state'])
        expect(json['fix']).toContain('disable it')
      }
      expect((await operator.do('PATCH', path, { name: 'Command line' })).json['name']).toBe('Command line')
      await operator.do('POST', `${path}/disable`)
    })
    await whileServing(config, secret, async (found) => {
      const operator = await found()
      // A start does not enable it.
      expect(await commandOf(operator)).toMatchObject({ state: 'disabled', name: 'Command line' })
      const path = `/organizations/${operator.organizationId}/keys/${commandClientId}`
      expect((await operator.do('POST', `${path}/enable`)).json['state']).toBe('active')
    })
  })
})
