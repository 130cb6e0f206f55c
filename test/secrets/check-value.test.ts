import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { newIdFrom } from '../../src/ids.ts'
import { checkValue, checkValues, listCheckValues, verifySecrets } from '../../src/secrets/check-value.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import { remove, type Store } from '../../src/storage/ports.ts'

const nowMs = Date.parse('2030-01-01T12:00:00Z')
const random = (count: number) => randomBytes(count)
const operatorId = newIdFrom(() => nowMs, random)('org')
const raw = () => randomBytes(32).toString('base64url')
const [first, second, foreign] = [raw(), raw(), raw()]
const secretsOf = (...texts: readonly string[]) => deploymentSecrets(texts, random)

let store: Store
beforeEach(async () => {
  store = await openSqlite({ path: ':memory:', clock: () => nowMs })
})
afterEach(() => store.close())

const write = (...texts: readonly string[]) =>
  store.commit([checkValue(secretsOf(...texts), operatorId, nowMs)])
const verify = (...texts: readonly string[]) => verifySecrets(store.records, secretsOf(...texts))

describe('the check value', () => {
  test('is not there before the first start, and known after it', async () => {
    expect(await verify(first)).toBe('empty')
    await write(first)
    expect(await verify(first)).toBe('known')
  })

  test('stops a start with a wrong secret, saying which is missing and no text of any', async () => {
    await write(first)
    const refused = await verify(foreign).catch((error: unknown) => error)
    if (!(refused instanceof Error)) throw new Error('was not refused')
    expect(refused.message).toContain(secretsOf(first).ids[0])
    expect(refused.message).toContain('LATCHKEY_SECRETS')
    expect(refused.message).not.toContain(foreign)
  })

  test('lets a new secret come in front, and the old one go when it has sealed nothing any more', async () => {
    await write(first)
    expect(await verify(second, first)).toBe('newest_unknown')
    await write(second, first)
    expect(await verify(second, first)).toBe('known')
    await expect(verify(second)).rejects.toThrow(secretsOf(first).ids[0])
    const kept = await listCheckValues(store.records)
    expect(kept).toHaveLength(2)
    for (const old of kept.filter(({ id }) => id === secretsOf(first).ids[0]))
      await store.commit([remove(checkValues, old)])
    expect(await verify(second)).toBe('known')
  })

  test('of one secret is written by one of two nodes that start at once', async () => {
    const outcomes = await Promise.allSettled([write(first), write(first)])
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })

  test('that was exchanged in the store stops the start', async () => {
    const [id] = secretsOf(first).ids
    const insert = checkValue(secretsOf(first), operatorId, nowMs)
    await store.commit([
      { ...insert, after: { ...insert.after, sealed: `v1$${id}$AAAA` } as typeof insert.after },
    ])
    await expect(verify(first)).rejects.toThrow('cut short')
  })
})
