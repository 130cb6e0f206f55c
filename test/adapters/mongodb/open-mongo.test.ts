import { inspect } from 'node:util'
import { type ClientSession, type Db, type Document, Long, MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openMongo } from '../../../adapters/mongodb/open.ts'
import { type Collection, insert, type Page, type Store, update } from '../../../src/storage/ports.ts'
import { newMongoPlace } from '../../contract/mongo-place.ts'
import { mongodbServer } from '../../contract/mongodb-server.ts'
import { organization, type Thing, thing, things } from '../../contract/things.ts'
import { Wire } from './wire.ts'

const server = await mongodbServer()
afterAll(() => server?.stop())

const clock = () => Date.parse('2030-01-01T12:00:00Z')
const own = organization('clinic')
const soon = { selectionTimeoutMs: 1_000, answerTimeoutMs: 500 }

describe.skipIf(server === undefined)('the MongoDB store', () => {
  let place: ReturnType<typeof newMongoPlace>
  let wire: Wire
  /** The database through the wire. */
  let url: string
  let open: Store[]

  beforeEach(async () => {
    place = newMongoPlace(server?.url ?? '')
    wire = new Wire(place.address)
    const through = new URL(place.address)
    through.port = String(await wire.listen())
    url = through.toString()
    open = []
  })
  afterEach(async () => {
    wire.meddle = () => 'pass'
    wire.setGone(false)
    await Promise.all(open.map((store) => store.close()))
    await wire.close()
    await place.drop()
  })

  async function opened(address = url): Promise<Store> {
    const store = await openMongo({ url: address, clock, ...soon })
    open.push(store)
    return store
  }

  const refusal = (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    )

  describe('at its start', () => {
    test('is refused by a server without transactions, which says what to do', async () => {
      wire.meddle = (command) =>
        command['startTransaction'] === true
          ? {
              answer: {
                ok: 0,
                code: 20,
                codeName: 'IllegalOperation',
                errmsg: 'Transaction numbers are only allowed on a replica set member or mongos',
              },
            }
          : 'pass'
      const error = await refusal(openMongo({ url, clock, ...soon }))
      expect(error).toMatchObject({
        code: 'store_unavailable',
        message: expect.stringMatching(/refuses transactions.*--replSet.*rs\.initiate/),
      })
    })

    test('is refused by a server that takes a transaction and does not take it back', async () => {
      wire.meddle = (command) => {
        const { startTransaction: _, autocommit, txnNumber: __, ...plain } = command
        if (autocommit === undefined) return 'pass'
        return 'abortTransaction' in command ? { answer: { ok: 1 } } : { instead: plain }
      }
      const error = await refusal(openMongo({ url, clock, ...soon }))
      expect(error).toMatchObject({ message: expect.stringContaining('refuses transactions') })
      const left = await place.behind((database) => database.collection('meta').countDocuments())
      expect(left).toBe(0)
    })

    test('of eight nodes at once on an empty database, each opens it and all share it', async () => {
      const stores = await Promise.all(Array.from({ length: 8 }, () => opened(place.address)))
      await Promise.all(stores.map((store, i) => store.commit([insert(things, thing(own, `of-${i}`))])))
      expect(await stores[0]?.changes.head()).toBe(8)
    })

    test('goes to the database `latchkey` when the address names none', async () => {
      const asked = new Set<unknown>()
      wire.meddle = (command) => {
        const database = command['$db']
        if (database === 'admin') return 'pass'
        asked.add(database)
        return { instead: { ...command, $db: new URL(url).pathname.slice(1) } }
      }
      const bare = new URL(url)
      bare.pathname = '/'
      await opened(bare.toString())
      expect([...asked]).toEqual(['latchkey'])
    })

    test.each([
      ['no server is there', 'mongodb://someone:hunter2@127.0.0.1:1/db'],
      ['the address is malformed', 'mongodb://someone:hunter2@127.0.0.1:port/db?what'],
      ['the address has an unknown option', 'mongodb://someone:hunter2@127.0.0.1:1/db?passwrod=hunter2'],
    ])('tells no password when %s', async (_, address) => {
      const error = await refusal(openMongo({ url: address, clock, ...soon }))
      expect(error).toMatchObject({ code: 'store_unavailable' })
      const told = inspect(error, { depth: Infinity, showHidden: true, getters: true })
      expect(told + JSON.stringify(error)).not.toContain('hunter2')
    })
  })

  describe('when the store is gone', () => {
    test('every call is refused in time, and served again when it is back', async () => {
      const store = await opened()
      const kept = thing(own, 'a')
      await store.commit([insert(things, kept)])
      wire.setGone(true)
      const calls = [
        store.records.find(own, things, 'a'),
        store.records.list(own, things, 'all', '', { limit: 1 }),
        store.commit([insert(things, thing(own, 'b'))]),
        store.commit([update(things, kept, kept)]),
        store.counters.record([{ organizationId: own, name: 'n', windowAt: 0, count: 1 }], []),
        store.changes.read(0, 1),
        store.ping(),
      ]
      for (const outcome of await Promise.allSettled(calls))
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } })
      wire.setGone(false)
      await expect
        .poll(() =>
          store.ping().then(
            () => true,
            () => false,
          ),
        )
        .toBe(true)
      expect(await store.records.find(own, things, 'a')).toEqual(kept)
    })

    test('and only hangs, a read and a commit are refused in time', async () => {
      const store = await opened()
      wire.meddle = ({ find, insert: inserted }) =>
        find !== undefined || inserted !== undefined ? 'hang' : 'pass'
      const calls = [store.records.find(own, things, 'a'), store.commit([insert(things, thing(own, 'a'))])]
      for (const outcome of await Promise.allSettled(calls))
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } })
    })

    test.each(['insert', 'findAndModify', 'commitTransaction'])(
      'a connection that breaks once at %s is no refusal',
      async (name) => {
        const store = await opened()
        wire.meddle = once((command) => name in command, 'cut')
        await store.commit([insert(things, thing(own, 'a'))])
        expect(await store.records.find(own, things, 'a')).toBeDefined()
        expect((await store.changes.read(0, 10)).rows).toHaveLength(1)
      },
    )

    test.each(['insert', 'findAndModify', 'commitTransaction'])(
      'an answer to %s that is lost leaves all of the commit, once, or nothing',
      async (name) => {
        const store = await opened()
        wire.meddle = once((command) => name in command, 'cut_after')
        await refusal(store.commit([insert(things, thing(own, 'a')), insert(things, thing(own, 'b'))]))
        const { rows } = await store.changes.read(0, 10)
        const found = await store.records.list(own, things, 'all', '', { limit: 10 })
        expect(found).toHaveLength(2 * rows.length)
        expect(rows.length).toBe(await store.changes.head())
      },
    )

    test('commits that wait behind a slow one are refused when they have waited too long', async () => {
      const store = await opened()
      wire.setGone(true)
      const waiting = Array.from({ length: 5 }, (_, i) => store.commit([insert(things, thing(own, `w${i}`))]))
      const began = performance.now()
      const results = await Promise.allSettled(waiting)
      expect(results.every(({ status }) => status === 'rejected')).toBe(true)
      // Not a time-out for each of them, one after the other.
      expect(performance.now() - began).toBeLessThan(4_000)
    })
  })

  describe('reads', () => {
    test('of one turn are few commands, and each gets its own answer', async () => {
      const store = await opened()
      const isKept = (i: number) => i % 50 === 0
      const asked = Array.from({ length: 700 }, (_, i) =>
        thing(organization(`clinic-${i % 3}`), `t${i}`, { slug: `s${i}` }),
      )
      const [first, ...others] = asked.filter((_, i) => isKept(i)).map((one) => insert(things, one))
      if (first !== undefined) await store.commit([first, ...others])
      let commands = 0
      wire.meddle = ({ find }) => {
        if (find !== undefined) commands++
        return 'pass'
      }
      const { find, locate } = store.records
      const found = await Promise.all(asked.map((one) => find(one.organizationId, things, one.id)))
      expect(found).toEqual(asked.map((one, i) => (isKept(i) ? one : undefined)))
      const places = await Promise.all(
        asked.map(({ slug }) => locate(things, 'slug', slug ?? '', { limit: 1 })),
      )
      expect(places.map(([place]) => place?.id)).toEqual(
        asked.map(({ id }, i) => (isKept(i) ? id : undefined)),
      )
      // The driver asks again where one was lost.
      expect(commands).toBeLessThan(10)
    })

    test('of one turn that the store does not answer are all refused in time', async () => {
      const store = await opened()
      wire.meddle = ({ find }) => (find === undefined ? 'pass' : 'hang')
      const calls = Array.from({ length: 200 }, (_, i) => store.records.find(own, things, `t${i}`))
      for (const outcome of await Promise.allSettled(calls))
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } })
    })
  })

  describe('positions', () => {
    test('are given in the order in which commits become visible: the next waits for the one before', async () => {
      const store = await opened(place.address)
      const client = new MongoClient(place.address)
      await client.withSession(async (session) => {
        session.startTransaction()
        const database = client.db()
        const mine = await takePosition(database, session)
        const other = store.commit([insert(things, thing(own, 'a'))])
        await new Promise((resolve) => setTimeout(resolve, 300))
        expect(await store.changes.read(0, 10)).toEqual({ rows: [], gap: false })
        await database
          .collection<{ _id: number }>('changes')
          .insertOne({ _id: mine, at: clock(), items: [] } as { _id: number }, { session })
        await session.commitTransaction()
        await other
        const { rows, gap } = await store.changes.read(0, 10)
        expect({ gap, positions: rows.map(({ position }) => position) }).toEqual({
          gap: false,
          positions: [mine, mine + 1],
        })
      })
      await client.close()
    })

    test('of four nodes that commit at once are read without hole or repetition while they come', async () => {
      const patient = { url: place.address, clock }
      const stores = await Promise.all(Array.from({ length: 4 }, () => openMongo(patient)))
      open.push(...stores)
      const reader = await opened(place.address)
      const seen: number[] = []
      let writing = true
      const reading = (async () => {
        for (let last = false; !last; ) {
          last = !writing
          const { rows, gap } = await reader.changes.read(seen.at(-1) ?? 0, 7)
          expect(gap).toBe(false)
          seen.push(...rows.map(({ position }) => position))
          if (rows.length === 7) last = false
        }
      })()
      await Promise.all(
        stores.flatMap((store, s) =>
          Array.from({ length: 15 }, (_, i) => store.commit([insert(things, thing(own, `s${s}-${i}`))])),
        ),
      )
      writing = false
      await reading
      expect(seen).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
    })
  })

  test('the bell rings when a change stream tells of a commit, and is silent where there are none', async () => {
    let streams = 0
    wire.meddle = (command) => {
      if (isChangeStream(command)) {
        streams++
        return streams === 1
          ? { answer: { ok: 0, code: 6, errmsg: 'not now' } }
          : { answer: cursorOf('firstBatch', []) }
      }
      if ('getMore' in command)
        return { answer: cursorOf('nextBatch', [{ _id: { _data: '01' }, documentKey: { _id: 1 } }]) }
      return 'pass'
    }
    const store = await opened()
    const rung = Promise.withResolvers<void>()
    const stop = store.changes.onBell(() => rung.resolve())
    await rung.promise
    stop()
    expect(streams).toBe(2)
  })

  test('names and values that a database might read as its own come back as they were', async () => {
    const store = await opened(place.address)
    let deep: unknown = 'bottom'
    for (let i = 0; i < 500; i++) deep = { deep }
    const nested = JSON.parse(
      '{"a.b":1,"$set":{"x":2},"":3,"nul\\u0000":4,"__proto__":{"y":5},"_id":6,"n":-0.5e-7}',
    )
    const kept = thing(own, 'a', { nested: [nested, deep] })
    await store.commit([insert(things, kept)])
    const found = await store.records.find(own, things, 'a')
    expect(JSON.stringify(found)).toBe(JSON.stringify(kept))
    const artifact = { id: '$id', payload: '$$ROOT', uid: '$uid', accountId: '$accountId' }
    const service = 'svc_x' as Parameters<Store['artifacts']['find']>[0]
    await store.artifacts.upsert(service, 'Session', artifact)
    expect(await store.artifacts.findByUid(service, 'Session', '$uid')).toEqual(artifact)
  })

  test('an update ends the keys that an older program listed, though this one does not declare them', async () => {
    const store = await opened(place.address)
    const older: Collection<Thing> = things
    const { slug: _, label: __, name: ___, ...indexes } = things.indexes
    const newer: Collection<Thing> = { ...things, indexes }
    const kept = thing(own, 'a', { slug: 'taken', label: 'taken' })
    await store.commit([insert(older, kept)])
    await store.commit([update(newer, kept, kept)])
    expect(await store.records.locate(older, 'slug', 'taken', { limit: 1 })).toEqual([])
    await store.commit([insert(older, thing(own, 'b', { slug: 'taken', label: 'taken' }))])
  })

  test('a page has as many as asked for, though some of its documents are removed while it is read', async () => {
    const store = await opened(place.address)
    const all = Array.from({ length: 12 }, (_, i) => thing(own, `t${10 + i}`, { name: 'one' }))
    for (const one of all) await store.commit([insert(things, one)])
    // As a reader finds it which has read the keys before a removal, and the documents after it.
    const gone = ['t10', 't11', 't12', 't15', 't21']
    await place.behind((database) =>
      database.collection('records').deleteMany({ collection: things.name, id: { $in: gone } }),
    )
    const ids = async (page: Page) =>
      (await store.records.list(own, things, 'name', 'one', page)).map(({ id }) => id)
    expect(await ids({ limit: 3 })).toEqual(['t13', 't14', 't16'])
    expect(await ids({ limit: 3, order: 'newest_first' })).toEqual(['t20', 't19', 't18'])
    expect(await ids({ limit: 3, after: 't18' })).toEqual(['t19', 't20'])
  })

  test('the server itself deletes artifacts, an hour after they expired', async () => {
    await opened(place.address)
    const indexes = await place.behind((database) => database.collection('artifacts').indexes())
    expect(indexes).toContainEqual(
      expect.objectContaining({ key: { expiresOn: 1 }, expireAfterSeconds: 3_600 }),
    )
  })
})

function once(is: (command: Document) => boolean, verdict: 'cut' | 'cut_after') {
  let done = false
  return (command: Document) => {
    if (done || !is(command)) return 'pass'
    done = true
    return verdict
  }
}

async function takePosition(database: Db, session: ClientSession) {
  const feed = await database
    .collection<{ _id: string; position: number }>('meta')
    .findOneAndUpdate({ _id: 'feed' }, { $inc: { position: 1 } }, { session, returnDocument: 'after' })
  if (feed === null) throw new Error('no feed')
  return feed.position
}

function isChangeStream(command: Document): boolean {
  const stages: unknown = command['pipeline']
  return Array.isArray(stages) && stages.some((stage: Document) => '$changeStream' in stage)
}

function cursorOf(batch: 'firstBatch' | 'nextBatch', documents: readonly Document[]): Document {
  return { ok: 1, cursor: { id: Long.fromNumber(7), ns: 'db.changes', [batch]: documents } }
}
