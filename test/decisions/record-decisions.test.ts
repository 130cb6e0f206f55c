import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { forgetDecisions } from '../../src/decisions/record-decisions.ts'
import { decisions } from '../../src/decisions/recorded-decision.ts'
import { DecisionIds } from '../../src/sdk/decision-ids.ts'
import type { Store } from '../../src/storage/ports.ts'
import { organization, service } from '../contract/things.ts'

const noonMs = Date.parse('2030-01-01T12:00:00Z')
let store: Store
beforeAll(async () => {
  store = await openSqlite({ path: ':memory:', clock: () => noonMs })
})
afterAll(() => store.close())

test('decisions are forgotten when they are as old as the deployment keeps them', async () => {
  const own = { organizationId: organization('a'), serviceId: service('a'), version: 1, count: 1 }
  const at = (ms: number) =>
    new DecisionIds(
      () => ms,
      (count) => randomBytes(count),
    ).next()
  const kept = { ...own, id: at(noonMs - 1_000), seenBy: 'organization_and_owner' as const }
  const old = { ...kept, id: at(noonMs - 1_001) }
  const reason = { outcome: 'allowed' as const, reason: 'public' }
  await store.trails.append(
    decisions,
    [old, kept].map((one) => ({ ...one, ...reason })),
  )
  await forgetDecisions(store.trails, noonMs, 1_000)
  const left = await store.trails.list(own.organizationId, decisions, 'all', '', { limit: 10 })
  expect(left.map(({ id }) => id)).toEqual([kept.id])
})
