import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { type ServerDeciders, serverDeciders } from '../../src/decisions/server-deciders.ts'
import { QuotaCounter } from '../../src/http/quota.ts'
import { services } from '../../src/services/service.ts'
import { insert, remove, type Store, update } from '../../src/storage/ports.ts'
import { serviceOf, startNode } from './node.ts'

let store: Store
let node: Awaited<ReturnType<typeof startNode>>
let deciders: ServerDeciders
beforeEach(async () => {
  const clock = () => Date.now()
  store = await openSqlite({ path: ':memory:', clock })
  node = await startNode(store)
  const { records, trails } = store
  deciders = serverDeciders({
    ...{ records, trails, clock, random: (count: number) => randomBytes(count), decisionLog: 'off' },
    quota: new QuotaCounter('decisions', { requests: 10, windowSeconds: 60 }, 10),
    ...{ revocations: node.revocations, origin: 'https://id.example', feedAgeMs: node.feedAgeMs },
    onFault: (cause) => {
      throw cause
    },
  })
})
afterEach(async () => {
  await deciders.close()
  await node.stop()
  await store.close()
})

test('a decider is kept while its service is there, and forgotten when it is deleted', async () => {
  const [one, other] = [serviceOf(), { ...serviceOf(), slug: 'pharmacy' }]
  await store.commit([insert(services, one), insert(services, other)])
  const [first, ofOther] = [deciders.of(one), deciders.of(other)]
  await store.commit([update(services, one, { ...one, title: 'Another' })])
  const changed = await store.changes.head()
  await vi.waitFor(() => expect(node.revocations.position()).toBe(changed), { timeout: 5_000 })
  expect(deciders.of(one)).toBe(first)
  await store.commit([remove(services, { ...one, version: 2 })])
  await vi.waitFor(() => expect(deciders.of(one)).not.toBe(first), { timeout: 5_000 })
  expect(deciders.of(other)).toBe(ofOther)
})

test('one that is made for a service deleted meanwhile is forgotten, too', async () => {
  const service = serviceOf()
  await store.commit([insert(services, service)])
  await store.commit([remove(services, service)])
  const deleted = await store.changes.head()
  await vi.waitFor(() => expect(node.revocations.position()).toBe(deleted), { timeout: 5_000 })
  const late = deciders.of(service)
  await vi.waitFor(() => expect(deciders.of(service)).not.toBe(late), { timeout: 5_000 })
})
