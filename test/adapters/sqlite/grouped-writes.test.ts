import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Connection } from '../../../adapters/sqlite/connection.ts'
import { GroupedWrites } from '../../../adapters/sqlite/grouped-writes.ts'
import { type LogFile, noLogFile } from '../../../adapters/sqlite/log-file.ts'

let connection: Connection
let writes: GroupedWrites
beforeEach(() => {
  connection = new Connection(':memory:', 100)
  connection.script(`
    CREATE TABLE kept (n INTEGER PRIMARY KEY, filler TEXT) STRICT;
    CREATE TABLE child (n INTEGER REFERENCES kept (n) DEFERRABLE INITIALLY DEFERRED) STRICT;
  `)
  writes = new GroupedWrites(connection, noLogFile)
})
afterEach(() => connection.close())

const keep = (n: number) => writes.run(() => connection.run('INSERT INTO kept (n) VALUES (?)', n))
const kept = () => connection.all('SELECT n FROM kept ORDER BY n').map(({ n }) => n)
const statuses = (outcomes: readonly PromiseSettledResult<unknown>[]) => outcomes.map(({ status }) => status)

test('a write that throws takes back all it did, and nothing that others of its group did', async () => {
  const outcomes = await Promise.allSettled([
    keep(1),
    writes.run(() => {
      connection.run('INSERT INTO kept (n) VALUES (2)')
      throw new Error('no')
    }),
    keep(3),
  ])
  expect(statuses(outcomes)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(kept()).toEqual([1, 3])
})

test('a transaction that does not commit rejects all of its group, those that failed before too, and keeps nothing', async () => {
  const outcomes = await Promise.allSettled([
    keep(1),
    writes.run(() => {
      throw new Error('its own')
    }),
    // Found out only when the transaction ends: as a disk that fails then.
    writes.run(() => connection.run('INSERT INTO child (n) VALUES (99)')),
    keep(3),
  ])
  expect(statuses(outcomes)).toEqual(Array.from({ length: 4 }, () => 'rejected'))
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') expect(String(outcome.reason)).toMatch(/FOREIGN KEY/)
  expect(kept()).toEqual([])
  await keep(4)
  expect(kept()).toEqual([4])
})

test('a transaction that SQLite itself ends rejects all of its group, and the next group goes through', async () => {
  await keep(1)
  const outcomes = await Promise.allSettled([
    keep(2),
    writes.run(() => connection.run('INSERT OR ROLLBACK INTO kept (n) VALUES (1)')),
    keep(3),
  ])
  expect(statuses(outcomes)).toEqual(['rejected', 'rejected', 'rejected'])
  expect(kept()).toEqual([1])
  await keep(4)
  expect(kept()).toEqual([1, 4])
})

test('a full disk is store_unavailable; what still fits is kept', async () => {
  const pages = Number(connection.get('PRAGMA page_count')?.['page_count'])
  connection.script(`PRAGMA max_page_count = ${pages + 1}`)
  const large = writes.run(() =>
    connection.run('INSERT INTO kept (n, filler) VALUES (1, ?)', 'x'.repeat(100_000)),
  )
  await expect(large).rejects.toMatchObject({ code: 'store_unavailable', cause: { errcode: 13 } })
  connection.script('PRAGMA max_page_count = 1000000')
  await keep(2)
  expect(kept()).toEqual([2])
})

test('what is to be seen only when it is durable has SQLite itself wait for the disk', async () => {
  const waits = () => connection.get('PRAGMA synchronous')?.['synchronous']
  connection.script('PRAGMA synchronous = NORMAL')
  const [first, second] = await Promise.all([writes.run(waits), writes.run(waits, 'when_durable')])
  expect([first, second, waits()]).toEqual([2, 2, 1])
  await expect(
    writes.run(() => {
      throw new Error('its own')
    }, 'when_durable'),
  ).rejects.toThrow('its own')
  expect([await writes.run(waits), waits()]).toEqual([1, 1])
})

describe('the disk', () => {
  let syncs: PromiseWithResolvers<void>[]
  const slowDisk: LogFile = {
    sync: () => {
      const one = Promise.withResolvers<void>()
      syncs.push(one)
      return one.promise
    },
    close: async () => {},
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  beforeEach(() => {
    syncs = []
    writes = new GroupedWrites(connection, slowDisk)
  })

  test('nobody is told of a write before it is on the disk, nor that a write failed', async () => {
    const told: string[] = []
    const tell = (what: string) => () => told.push(what)
    const first = keep(1).then(tell('kept'))
    const failing = writes
      .run(() => {
        throw new Error('its own')
      })
      .then(tell('resolved'), tell('failed'))
    await turn()
    await turn()
    expect(kept()).toEqual([1])
    expect(told).toEqual([])
    syncs[0]?.resolve()
    await Promise.all([first, failing])
    expect(told).toEqual(['kept', 'failed'])
  })

  test('what is committed while the disk is at work shares its next turn', async () => {
    const first = keep(1)
    await turn()
    await turn()
    const others = [keep(2), keep(3)]
    await turn()
    await turn()
    others.push(keep(4))
    await turn()
    await turn()
    expect(syncs).toHaveLength(1)
    syncs[0]?.resolve()
    await first
    await turn()
    expect(syncs).toHaveLength(2)
    syncs[1]?.resolve()
    await Promise.all(others)
    await turn()
    expect(syncs).toHaveLength(2)
  })

  test('a disk that has failed is not trusted again: what waited is store_unavailable, and all after', async () => {
    const waiting = [keep(1)]
    await turn()
    await turn()
    waiting.push(keep(2))
    await turn()
    await turn()
    const late = keep(3)
    syncs[0]?.reject(new Error('EIO'))
    for (const outcome of await Promise.allSettled(waiting))
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } })
    expect(syncs).toHaveLength(1)
    await expect(late).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(kept()).toEqual([1, 2])
    await expect(keep(4)).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining('until Latchkey is started again'),
    })
    expect(() => writes.checkDisk()).toThrow('the disk failed')
  })

  test('closing waits until all is on the disk', async () => {
    const write = keep(1)
    let isClosed = false
    const closing = writes.close().then(() => {
      isClosed = true
    })
    await turn()
    await turn()
    expect(isClosed).toBe(false)
    syncs[0]?.resolve()
    await Promise.all([closing, write])
    await expect(keep(2)).rejects.toMatchObject({ code: 'store_unavailable' })
  })
})
