import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Tags } from '../../src/evaluator/model.ts'
import type { OrganizationId } from '../../src/ids.ts'
import { followFeed } from '../../src/storage/feed.ts'
import {
  type Change,
  type Changes,
  type CommitChanges,
  insert,
  type Records,
  update,
} from '../../src/storage/ports.ts'
import { followOlderNodes } from '../../src/tags/follow-older-nodes.ts'
import { type Resource, resources } from '../../src/tags/resource.ts'
import { walkResources } from '../../src/tags/walk-resources.ts'
import { openAt } from '../contract/open-at.ts'
import { type Place, type StoreKind, stores } from '../contract/stores.ts'
import { type Deployment, noonMs, openDeployment } from '../organizations/deployment.ts'
import { resourcesBefore } from './older-node.ts'

const hourMs = 3_600_000
const dropTimeoutMs = 180_000

describe.each(stores)('resources that nodes of 0.3.0 share, in $name', (kind) => {
  const it = deploymentOn(kind)

  test('are listed where they are in the store already, and not written again where they are listed', async () => {
    const before = it.shared(600)
    const listed = it.shared(1)
    const own = it.resource({ ward: ['north'] })
    await it.commit(...[own, ...before].map((one) => insert(resourcesBefore, one)))
    await it.commit(...listed.map((one) => insert(resources, one)))
    expect(await it.seen()).toEqual(idsOf(listed))
    await it.start().catchUp()
    expect(await it.seen()).toEqual(idsOf([...before, ...listed]))
    for (const one of [own, ...listed]) expect(await it.stored(one)).toEqual(one)
    const [first] = before
    expect(first && (await it.stored(first))).toEqual({ ...first, version: 2 })
  })

  test('are listed when they are written later, and when their tags are', async () => {
    await it.start().catchUp()
    const [one, other] = [it.resource({}), it.resource({ ward: ['north'] })]
    await it.commit(insert(resources, one), insert(resources, other))
    const later = it.shared(1)
    await it.commit(...later.map((shared) => insert(resourcesBefore, shared)))
    await it.commit(update(resourcesBefore, one, { ...one, tags: it.sharing }))
    await it.untilSeen(one, ...later)
    expect(await it.stored(other)).toEqual(other)
    expect(await it.seen()).not.toContain(other.id)
  })

  test('are not looked for among what nodes of this version write', async () => {
    const reads = vi.fn()
    const following = it.start({ records: watched(it.at.store.records, reads) })
    await following.catchUp()
    reads.mockClear()
    const made = it.shared(20)
    for (const one of made) await it.commit(insert(resources, one))
    await it.feed.catchUp()
    await following.catchUp()
    expect(reads.mock.calls.filter(([collection]) => collection === resources.name)).toEqual([])
    expect(await it.seen()).toEqual(expect.arrayContaining(idsOf(made)))
  })

  test('are not looked for again in what nodes of this version write while the feed is read', async () => {
    const { changes } = it.at.store
    const reads = vi.fn()
    const held = Promise.withResolvers<void>()
    const following = it.start({
      changes: {
        ...{ head: () => changes.head(), onBell: (ring) => changes.onBell(ring) },
        read: async (...asked) => {
          reads()
          const rows = await changes.read(...asked)
          await held.promise
          return rows
        },
      },
    })
    const caughtUp = following.catchUp()
    await vi.waitFor(() => expect(reads).toHaveBeenCalled())
    const made = it.shared(5)
    for (const one of made.slice(0, 4)) await it.commit(insert(resources, one))
    await it.feed.catchUp()
    held.resolve()
    await caughtUp
    for (const one of made.slice(4)) await it.commit(insert(resources, one))
    await it.feed.catchUp()
    expect(reads).toHaveBeenCalledTimes(1)
    const later = it.shared(1)
    await it.commit(...later.map((one) => insert(resourcesBefore, one)))
    await it.untilSeen(...later)
  })

  test('while no node of this version runs, are listed by the next one from the feed alone', async () => {
    const first = it.start()
    await first.catchUp()
    first.stop()
    const one = it.resource(it.sharing)
    await it.commit(insert(resourcesBefore, one))
    const reads = vi.fn()
    await it.start({ records: watched(it.at.store.records, reads) }).catchUp()
    expect(await it.seen()).toContain(one.id)
    expect(reads).not.toHaveBeenCalledWith('services')
  })

  test('of which the feed has forgotten to tell, are listed all the same', async () => {
    const first = it.start()
    await first.catchUp()
    first.stop()
    const forgotten = it.shared(1)
    await it.commit(...forgotten.map((one) => insert(resourcesBefore, one)))
    it.at.time.nowMs += hourMs + 1
    await it.at.store.sweep()
    await it.start().catchUp()
    expect(await it.seen()).toEqual(expect.arrayContaining(idsOf(forgotten)))
  })

  test('are listed to the end by the next node, where one ended in the middle', async () => {
    const first = it.start()
    await first.catchUp()
    first.stop()
    const many = it.shared(1_100)
    await it.commit(...many.slice(0, 600).map((one) => insert(resourcesBefore, one)))
    await it.commit(...many.slice(600).map((one) => insert(resourcesBefore, one)))
    let commits = 0
    const cut = it.start({
      commit: async (changes) => {
        if (++commits > 1) throw new Error('the process ended')
        await it.at.store.commit(changes)
      },
    })
    await expect(cut.catchUp()).rejects.toThrow('the process ended')
    cut.stop()
    const seen = await it.seen()
    expect(idsOf(many).filter((id) => seen.includes(id))).toHaveLength(500)
    await it.start().catchUp()
    expect(await it.seen()).toEqual(expect.arrayContaining(idsOf(many)))
    expect(await Promise.all(many.map(async (one) => (await it.stored(one))?.version))).toEqual(
      many.map(() => 2),
    )
  })

  test('are written once, by whichever of several nodes', async () => {
    for (const one of [it.start(), it.start(), it.start()]) await one.catchUp()
    const many = it.shared(5)
    for (const one of many) await it.commit(insert(resourcesBefore, one))
    await it.untilSeen(...many)
    for (const following of it.following) await following.catchUp()
    expect(await Promise.all(many.map(async (one) => (await it.stored(one))?.version))).toEqual(
      many.map(() => 2),
    )
  })

  test('are tried again at the next turn, where they could not be written', async () => {
    const faults: unknown[] = []
    let isGone = false
    const following = it.start({
      onFault: (cause) => faults.push(cause),
      commit: async (changes) => {
        if (isGone) throw new Error('the store is gone')
        await it.at.store.commit(changes)
      },
    })
    await following.catchUp()
    isGone = true
    const some = it.shared(2)
    for (const one of some) await it.commit(insert(resourcesBefore, one))
    await vi.waitFor(() => expect(faults).toHaveLength(1))
    await it.feed.catchUp()
    await pause(100)
    expect(faults).toHaveLength(1)
    isGone = false
    await following.catchUp()
    expect(await it.seen()).toEqual(expect.arrayContaining(idsOf(some)))
  })
})

const idsOf = (all: readonly Resource[]) => all.map(({ id }) => id).toSorted()

function watched(records: Records, read: (collection: string) => void): Records {
  return {
    find: (organizationId, from, id) => {
      read(from.name)
      return records.find(organizationId, from, id)
    },
    list: (organizationId, from, index, key, page) => {
      read(from.name)
      return records.list(organizationId, from, index, key, page)
    },
    locate: (from, index, key, page) => {
      read(from.name)
      return records.locate(from, index, key, page)
    },
  }
}

interface Options {
  readonly records?: Records
  readonly changes?: Changes
  readonly commit?: CommitChanges
  readonly onFault?: (cause: unknown) => void
}

/** A deployment for all tests of a store, and a feed and nodes for each of them. */
function deploymentOn(kind: StoreKind) {
  let place: Place
  let at: Deployment
  let feed: Awaited<ReturnType<typeof followFeed>>
  let following: ReturnType<typeof followOlderNodes>[] = []
  let made = 0
  beforeAll(async () => {
    place = await kind.newPlace()
    at = await openDeployment((clock) => openAt(place.address, clock))
    feed = await followFeed({ changes: at.store.changes, monotonic: () => performance.now() })
  })
  afterEach(() => {
    for (const one of following) one.stop()
    following = []
  })
  afterAll(async () => {
    await feed.stop()
    await at.store.close()
    await place.drop()
  }, dropTimeoutMs)
  const it = {
    get at() {
      return at
    },
    get feed() {
      return feed
    },
    get following() {
      return following
    },
    get sharing(): Tags {
      return { 'access-tag:GET:*': [at.customer.id] }
    },
    resource: (tags: Tags): Resource => ({
      ...{ id: at.deps.newId('res'), organizationId: at.operator.id, version: 1, serviceId: at.clinic.id },
      ...{ name: `/patients/{p${made++}}`, tags, registeredBy: 'key', createdAt: noonMs },
    }),
    shared: (count: number) => Array.from({ length: count }, () => it.resource(it.sharing)),
    commit: async (...changes: readonly Change[]) => {
      const [first, ...others] = changes
      if (first !== undefined) await at.store.commit([first, ...others])
    },
    stored: (one: Resource) => at.store.records.find(one.organizationId, resources, one.id),
    /** What lists of what the customer may reach come by. */
    seen: async (organizationId: OrganizationId = at.customer.id) => {
      const walk = { serviceId: at.clinic.id, organizationId, isSharedWithAnyone: false }
      const found: string[] = []
      for await (const steps of walkResources(at.store.records, walk))
        found.push(...steps.flatMap(({ resource }) => resource?.id ?? []))
      return found.toSorted()
    },
    untilSeen: (...all: readonly Resource[]) =>
      vi.waitFor(async () => expect(await it.seen()).toEqual(expect.arrayContaining(idsOf(all))), 5_000),
    start: ({ records, changes, commit = at.store.commit, onFault }: Options = {}) => {
      const { counters } = at.store
      const store = { counters, records: records ?? at.store.records, changes: changes ?? at.store.changes }
      const unexpected = (cause: unknown) => {
        throw cause
      }
      const one = followOlderNodes({ store, commit, feed, onFault: onFault ?? unexpected })
      following.push(one)
      return one
    },
  }
  return it
}
