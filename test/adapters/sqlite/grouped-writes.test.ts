import { afterEach, beforeEach, expect, test } from 'vitest'
import { Connection } from '../../../adapters/sqlite/connection.ts'
import { GroupedWrites } from '../../../adapters/sqlite/grouped-writes.ts'

let connection: Connection
let writes: GroupedWrites
beforeEach(() => {
  connection = new Connection(':memory:', 100)
  connection.script(`
    CREATE TABLE kept (n INTEGER PRIMARY KEY, filler TEXT) STRICT;
    CREATE TABLE child (n INTEGER REFERENCES kept (n) DEFERRABLE INITIALLY DEFERRED) STRICT;
  `)
  writes = new GroupedWrites(connection)
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
