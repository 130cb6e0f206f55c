import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { type Actor, recorder } from '../../src/audit/record.ts'
import { newIdFrom } from '../../src/ids.ts'
import { checkValue, verifySecrets } from '../../src/secrets/check-value.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import type { Rewrap } from '../../src/secrets/rewrap.ts'
import { rewrapSecrets } from '../../src/secrets/rewrap-secrets.ts'

const noonMs = Date.parse('2030-01-01T12:00:00Z')
const clock = () => noonMs
const random = (count: number) => randomBytes(count)
const newId = newIdFrom(clock, random)
const [old, fresh] = [0, 1].map(() => randomBytes(32).toString('base64url')) as [string, string]
const secretsOf = (...texts: readonly string[]) => deploymentSecrets(texts, random)

test('the old secret stays needed until every kind has moved all that it holds', async () => {
  const store = await openSqlite({ path: ':memory:', clock })
  const organizationId = newId('org')
  const by: Actor = { kind: 'key', id: newId('key'), organizationId, requestId: 'req_1' }
  const secrets = secretsOf(fresh, old)
  await store.commit([checkValue(secretsOf(old), organizationId, noonMs - 1)])
  await store.commit([checkValue(secrets, organizationId, noonMs)])
  let held = 25_000
  const manyOfAKind: Rewrap = {
    kind: 'many',
    count: async (_, max) => Math.min(held, max),
    rewrap: async (_, max) => {
      const moved = Math.min(held, max)
      held -= moved
      return moved
    },
  }
  const { records } = store
  const deps = { records, secrets, commit: recorder(store.commit, clock, newId), rewraps: [manyOfAKind] }
  expect(await rewrapSecrets(deps, by)).toMatchObject({ moved: { many: 10_000 }, left: 10_000, unneeded: [] })
  await expect(verifySecrets(records, secretsOf(fresh))).rejects.toThrow(secretsOf(old).ids[0])
  expect(await rewrapSecrets(deps, by)).toMatchObject({ left: 5_000, unneeded: [] })
  expect(await rewrapSecrets(deps, by)).toMatchObject({ left: 0, unneeded: [secretsOf(old).ids[0]] })
  expect(await verifySecrets(records, secretsOf(fresh))).toBe('known')
  await store.close()
})
