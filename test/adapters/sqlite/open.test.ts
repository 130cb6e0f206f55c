import { type FileHandle, mkdtemp, open, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openSqlite } from '../../../adapters/sqlite/open.ts'
import { insert } from '../../../src/storage/ports.ts'
import { startChild } from '../../contract/processes.ts'
import { entries, entry, organization, service, thing, things } from '../../contract/things.ts'

const clock = () => Date.parse('2030-01-01T12:00:00Z')
const own = organization('own')

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-sqlite-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A writer of another process that holds the lock. */
function otherWriter(path: string): DatabaseSync {
  const other = new DatabaseSync(path)
  other.exec('BEGIN IMMEDIATE')
  return other
}

describe('the file', () => {
  test('is made with its folder, for nobody else on the machine', async () => {
    const path = join(folder, 'deep', 'data', 'latchkey.db')
    const store = await openSqlite({ path, clock })
    await store.commit([insert(entries, entry(own, 'a'))])
    const modes = await Promise.all(
      [join(folder, 'deep'), join(folder, 'deep', 'data'), path, `${path}-wal`].map((made) => stat(made)),
    )
    expect(modes.map(({ mode }) => (mode & 0o777).toString(8))).toEqual(['700', '700', '600', '600'])
    await store.close()
  })

  test('may be a link to where it is', async () => {
    const path = join(folder, 'link.db')
    await symlink(join(folder, 'latchkey.db'), path)
    const store = await openSqlite({ path, clock })
    await store.commit([insert(entries, entry(own, 'a'))])
    await store.ping()
    await store.close()
  })

  test('that is no database, or cannot be made, is store_unavailable', async () => {
    const path = join(folder, 'latchkey.db')
    await writeFile(path, 'not a database, but long enough to be read as the header of one'.repeat(100))
    const refused = { code: 'store_unavailable' }
    await expect(openSqlite({ path, clock })).rejects.toMatchObject(refused)
    await expect(openSqlite({ path: join(path, 'below.db'), clock })).rejects.toMatchObject(refused)
    await expect(openSqlite({ path: `${folder}/nul\u0000.db`, clock })).rejects.toMatchObject(refused)
  })
})

describe('the disk', () => {
  /** What every open file has its `datasync` from. */
  async function anyFile(): Promise<FileHandle> {
    const file = await open(join(folder, 'any'), 'w')
    await file.close()
    return Object.getPrototypeOf(file)
  }

  test('has the write-ahead log before a commit returns, and the event loop does not wait for it', async () => {
    const store = await openSqlite({ path: join(folder, 'latchkey.db'), clock })
    const atWork = Promise.withResolvers<void>()
    const datasync = vi.spyOn(await anyFile(), 'datasync').mockReturnValue(atWork.promise)
    let isTold = false
    const commit = store.commit([insert(entries, entry(own, 'a'))]).then(() => {
      isTold = true
    })
    await expect.poll(() => datasync.mock.calls.length).toBe(1)
    // The store answers meanwhile.
    expect(await store.records.find(own, entries, 'a')).toBeDefined()
    expect(isTold).toBe(false)
    atWork.resolve()
    await commit
    datasync.mockRestore()
    await store.close()
  })

  test('that fails makes the store unavailable, for health checks, too', async () => {
    const store = await openSqlite({ path: join(folder, 'latchkey.db'), clock })
    await store.ping()
    const datasync = vi.spyOn(await anyFile(), 'datasync').mockRejectedValueOnce(new Error('EIO'))
    const refused = { code: 'store_unavailable' }
    await expect(store.commit([insert(entries, entry(own, 'a'))])).rejects.toMatchObject(refused)
    datasync.mockRestore()
    await expect(store.ping()).rejects.toMatchObject(refused)
    await expect(store.commit([insert(entries, entry(own, 'b'))])).rejects.toMatchObject(refused)
    await store.close()
  })
})

describe('a lock that another process keeps', () => {
  test('makes a write store_unavailable beyond the time-out, and harms no read; later writes go through', async () => {
    const path = join(folder, 'latchkey.db')
    const store = await openSqlite({ path, clock, busyTimeoutMs: 50 })
    await store.commit([insert(entries, entry(own, 'a'))])
    const other = otherWriter(path)
    const refused = { code: 'store_unavailable', cause: { errcode: 5 } }
    const writes = ['b', 'c'].map((id) => store.commit([insert(entries, entry(own, id))]))
    for (const write of writes) await expect(write).rejects.toMatchObject(refused)
    await expect(store.artifacts.consume(service('api'), 'Code', 'x')).rejects.toMatchObject(refused)
    expect(await store.records.find(own, entries, 'a')).toBeDefined()
    other.exec('ROLLBACK')
    other.close()
    await store.commit([insert(entries, entry(own, 'b'))])
    await store.close()
  })

  test('does not let two processes consume one artifact: both wait, one gets it', async () => {
    const path = join(folder, 'latchkey.db')
    const store = await openSqlite({ path, clock })
    await store.artifacts.upsert(service('api'), 'Code', { id: 'a', payload: 'x' })
    const children = await Promise.all(
      [1, 2].map(() => startChild(`sqlite:${path}`, 'consume', ['api', 'a'])),
    )
    const other = otherWriter(path)
    for (const child of children) child.go()
    // Time for both to do all that they can do without the lock; had they read first, both would have found it whole.
    await new Promise((resolve) => setTimeout(resolve, 400))
    other.exec('ROLLBACK')
    other.close()
    const answers = await Promise.all(children.map((child) => child.next()))
    expect(answers.map((answer) => JSON.stringify(answer)).toSorted()).toEqual(['["a"]', '[]'])
    await Promise.all(children.map((child) => child.end()))
    await store.close()
  })
})

describe('grouped writes', () => {
  test('fail alone: each has its own error or none, and later ones of the group see the earlier', async () => {
    const store = await openSqlite({ path: ':memory:', clock })
    const outcomes = await Promise.allSettled([
      store.commit([insert(things, thing(own, 'a', { label: 'x' }))]),
      store.commit([insert(things, thing(own, 'b', { label: 'x' }))]),
      store.artifacts.upsert(service('api'), 'Code', { id: 'a', payload: 'x' }),
      store.artifacts.consume(service('api'), 'Code', 'a'),
      store.artifacts.consume(service('api'), 'Code', 'a'),
      store.commit([insert(things, thing(own, 'b', { label: 'y' }))]),
    ])
    const [, second, , ...rest] = outcomes
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'already_exists' } })
    expect(rest).toEqual([
      { status: 'fulfilled', value: true },
      { status: 'fulfilled', value: false },
      { status: 'fulfilled', value: undefined },
    ])
    const { rows } = await store.changes.read(0, 10)
    expect(rows.map(({ position }) => position)).toEqual([1, 2])
    await store.close()
  })

  test('of one turn of the event loop share one transaction, whatever their port: none is told before all are kept', async () => {
    const path = join(folder, 'latchkey.db')
    const store = await openSqlite({ path, clock })
    using look = new DatabaseSync(path)
    const kept = () =>
      ['records', 'artifacts', 'latest_marks'].map(
        (table) => look.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n'],
      )
    const seen = await Promise.all([
      ...Array.from({ length: 10 }, (_, i) =>
        store.commit([insert(entries, entry(own, `e${i}`))]).then(kept),
      ),
      store.artifacts.upsert(service('api'), 'Code', { id: 'a', payload: 'x' }).then(kept),
      store.counters.record([], [{ organizationId: own, name: 'n', at: 1 }]).then(kept),
    ])
    expect(seen).toEqual(Array.from({ length: 12 }, () => [10, 1, 1]))
    await store.close()
  })
})

test('the bell rings soon after another process’s commit', async () => {
  const path = join(folder, 'latchkey.db')
  const [one, other] = [await openSqlite({ path, clock }), await openSqlite({ path, clock })]
  let rings = 0
  const stop = one.changes.onBell(() => {
    rings++
  })
  // The first look at the file may ring; the commit rings once more.
  await new Promise((resolve) => setTimeout(resolve, 200))
  const before = rings
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(rings).toBe(before)
  await other.commit([insert(entries, entry(own, 'a'))])
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(rings).toBe(before + 1)
  stop()
  await Promise.all([one.close(), other.close()])
})
