import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DecisionIds } from '../../src/sdk/decision-ids.ts'
import { createGuard } from '../../src/sdk/index.ts'
import { stores } from '../contract/stores.ts'
import { type Key, Operator, type Reply, send, tokenOf } from './client.ts'
import { emptyPlace, freePort, newDeploymentSecret } from './deployment.ts'
import { dumpStore, findIn } from './dump.ts'
import { itemsOf } from './operations.ts'
import { type ServerProcess, startServer } from './processes.ts'

const quota = 10
const dayMs = 86_400_000

describe.each(stores.filter(({ isShared }) => isShared))('the decision log of two nodes: $name', (kind) => {
  const undo: (() => Promise<unknown>)[] = []
  let store: string
  let nodes: readonly [ServerProcess, ServerProcess]
  let operator: Operator
  let guardKey: Key
  let guardToken: string
  beforeAll(async () => {
    const place = await kind.newPlace()
    const { folder, drop } = await emptyPlace()
    undo.push(place.drop, drop)
    const port = String(await freePort())
    store = place.address
    const environment = {
      LATCHKEY_ORIGIN: `http://127.0.0.1:${port}`,
      LATCHKEY_STORE: store,
      LATCHKEY_DATA: folder,
      LATCHKEY_SECRETS: newDeploymentSecret(),
      LATCHKEY_LOG_LEVEL: 'debug',
      LATCHKEY_DECISIONS_PER_ORGANIZATION_PER_MINUTE: String(quota),
      LATCHKEY_DECISIONS_KEPT_DAYS: '1',
    }
    const a = await startServer({ ...environment, LATCHKEY_PORT: port })
    undo.unshift(() => a.stop())
    const b = await startServer(environment)
    undo.unshift(() => b.stop())
    nodes = [a, b]
    operator = await Operator.at(a.address, folder)
    await operator.importClinic()
    guardKey = await operator.makeGuardKey()
    guardToken = await tokenOf(a.address, guardKey)
  }, 60_000)
  afterAll(async () => {
    for (const one of undo) await one()
  })

  function decisions(organizationId: string, count: number, agoMs = 60_000) {
    let nowMs = Date.now() - agoMs
    const ids = new DecisionIds(
      () => ++nowMs,
      (length) => randomBytes(length),
    )
    const principal = { kind: 'key', id: 'key_a', organization_id: organizationId, client_id: 'key_a' }
    const common = {
      method: 'GET',
      operation: 'listPatients',
      path: '/patients',
      reason: 'allowed',
      principal,
    }
    return Array.from({ length: count }, () => ({ id: ids.next(), ...common }))
  }
  const tell = (at: 0 | 1, told: readonly object[]): Promise<Reply> =>
    send(nodes[at].address, 'POST', '/clinic/decisions', { token: guardToken, body: { decisions: told } })
  const listed = async (at: 0 | 1, of: string, query = '') =>
    itemsOf((await operator.through(nodes[at].address).do('GET', `${of}/decisions${query}`)).text)

  test('what is noted at one is listed at the other, once, and with both’s newest first', async () => {
    const ours = await operator.makeOrganization()
    const [first, second] = decisions(ours, 2)
    expect((await tell(0, [first ?? {}])).json).toMatchObject({ recorded: 1 })
    expect(await listed(1, `/organizations/${ours}`)).toMatchObject([{ id: first?.id }])
    expect((await tell(1, [first ?? {}, second ?? {}])).json).toMatchObject({ recorded: 1, repeated: 1 })
    for (const at of [0, 1] as const)
      for (const of of [`/organizations/${ours}`, '/services/clinic'])
        expect(await listed(at, of, '?limit=2')).toMatchObject([{ id: second?.id }, { id: first?.id }])
  })

  test('the quota is each node’s own: what is over it is counted there, and listed at both', async () => {
    const ours = await operator.makeOrganization()
    const [atA, atB] = [decisions(ours, quota + 3, 90_000), decisions(ours, quota + 5)]
    expect((await tell(0, atA)).json).toMatchObject({ recorded: quota, over_quota: 3 })
    expect((await tell(1, atB)).json).toMatchObject({ recorded: quota, over_quota: 5 })
    for (const at of [0, 1] as const) {
      const lost = await listed(at, `/organizations/${ours}`, '?outcome=not_recorded')
      expect(lost.map(({ count }) => count)).toEqual([5, 3])
      expect(await listed(at, `/organizations/${ours}`, '?outcome=allowed')).toHaveLength(2 * quota)
    }
  })

  test('has nothing in it that lets its bearer in, whatever stands in a token, a body, a query or a header', async () => {
    const ours = await operator.makeOrganization()
    const key = await operator.makeKey(ours, { role: 'patients:read' })
    const token = await tokenOf(nodes[0].address, key, 'clinic')
    const canary = (name: string) => [name, `canary-${name}-${crypto.randomUUID()}`] as const
    const canaries = new Map([canary('query'), canary('body'), canary('header'), canary('token')])
    const [query, body, header, wrong] = [...canaries.values()]
    const options = {
      latchkey: nodes[1].address,
      service: 'clinic',
      key: guardKey.secret,
      decisionLog: 'all',
    } as const
    const guard = createGuard(options)
    await guard.ready()
    const ask = (authorization: string, url: string) =>
      guard.check({
        ...{ method: 'POST', url, authorization, address: '127.0.0.1' },
        body: {
          kind: 'text',
          mediaType: 'application/json',
          text: JSON.stringify({ name: body, password: body }),
        },
        ...{ headers: { cookie: header, 'x-api-key': header } },
      })
    const answers = await Promise.all([
      ask(`Bearer ${token}`, `/patients?access_token=${query}`),
      ask(`Bearer ${wrong}`, `/patients?access_token=${query}`),
      ask(`Basic ${btoa(`${key.id}:${key.secret}`)}`, `/patients?code=${query}`),
    ])
    const { decisionId } = answers[0]
    await guard.close()
    const bearers = new Map([...canaries, ['secret', key.secret], ['access token', token]])
    const lists = [`/organizations/${ours}`, '/services/clinic'] as const
    const seen = await Promise.all(lists.map((of) => listed(0, of, `?decision=${decisionId}`)))
    expect(seen).toMatchObject([[{ id: decisionId, operation: 'registerPatient' }], [{ id: decisionId }]])
    const all = JSON.stringify(await Promise.all(lists.map((of) => listed(0, of, '?limit=200'))))
    const logs = nodes.flatMap(({ lines }) => lines).join('\n')
    const places = new Map([
      ...(await dumpStore(store)),
      ['the lists', Buffer.from(all)],
      ['the logs', Buffer.from(logs)],
    ])
    expect(findIn(places, bearers)).toEqual([])
    expect(findIn(places, new Map([['decision', decisionId]]))).not.toEqual([])
  })

  // A node looks half a minute after its start, and then once a minute.
  const forgotten = 'what is older than it is kept is forgotten for both, by whichever looks first'
  test(forgotten, { timeout: 90_000 }, async () => {
    const ours = await operator.makeOrganization()
    const [old, young] = [decisions(ours, 1, 2 * dayMs), decisions(ours, 1)]
    await tell(0, [...old, ...young])
    const ids = async () => (await listed(1, `/organizations/${ours}`)).map(({ id }) => id)
    await expect.poll(ids, { timeout: 80_000, interval: 500 }).toEqual([young[0]?.id])
  })
})
