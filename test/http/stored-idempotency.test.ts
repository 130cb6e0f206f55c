import { randomBytes } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { idempotentUses, storedIdempotencyKeys } from '../../src/http/stored-idempotency.ts'
import type { Store } from '../../src/storage/ports.ts'
import { clinicId, strangerId } from './serving.ts'

const noonMs = Date.parse('2030-01-01T12:00:00Z')
const hourMs = 3_600_000

const opened: Store[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
})

async function keysAt(now: { ms: number }) {
  const store = await openSqlite({ path: ':memory:', clock: () => now.ms })
  opened.push(store)
  const { records, commit } = store
  return {
    records,
    keys: storedIdempotencyKeys({ records, commit, clock: () => now.ms, random: randomBytes }),
  }
}

describe('idempotency keys in the store', () => {
  test('of 20 claims at once exactly one is new', async () => {
    const { keys } = await keysAt({ ms: noonMs })
    const claims = await Promise.all(Array.from({ length: 20 }, () => keys.claim(clinicId, 'k', 'r')))
    expect(claims.filter((claim) => claim === undefined)).toHaveLength(1)
  })

  test('a settled one tells what was made, a released one is free again', async () => {
    const { keys } = await keysAt({ ms: noonMs })
    await keys.claim(clinicId, 'k', 'r')
    await keys.settle(clinicId, 'k', 'key_made')
    expect(await keys.claim(clinicId, 'k', 'other')).toMatchObject({ request: 'r', madeId: 'key_made' })
    await keys.release(clinicId, 'k')
    expect(await keys.claim(clinicId, 'k', 'other')).toBeUndefined()
  })

  test('another organization has keys of its own', async () => {
    const { keys } = await keysAt({ ms: noonMs })
    await keys.claim(clinicId, 'k', 'r')
    expect(await keys.claim(strangerId, 'k', 'r')).toBeUndefined()
  })

  test('ends after 24 hours, and outlived ones are tidied away', async () => {
    const now = { ms: noonMs }
    const { keys, records } = await keysAt(now)
    for (let i = 0; i < 15; i++) await keys.claim(clinicId, `k${i}`, 'r')
    now.ms = noonMs + 24 * hourMs - 1
    expect(await keys.claim(clinicId, 'k0', 'r')).toBeDefined()
    now.ms = noonMs + 24 * hourMs
    expect(await keys.claim(clinicId, 'k14', 'r')).toBeUndefined()
    expect(await keys.claim(clinicId, 'new', 'r')).toBeUndefined()
    expect(await records.list(clinicId, idempotentUses, 'all', '', { limit: 100 })).toHaveLength(2)
  })
})
