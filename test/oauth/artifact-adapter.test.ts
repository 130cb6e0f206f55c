import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { artifactAdapter, takeAssertionId } from '../../src/oauth/artifact-adapter.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import { clock, newId, startWorld, type World } from './fixture.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

const adapterFor = (serviceId = world.service.id) =>
  artifactAdapter(world.deps, serviceId, 'AuthorizationCode')

describe('what the library keeps', () => {
  test('is found by id, uid, user code and grant in its own service alone', async () => {
    const adapter = adapterFor()
    await adapter.upsert('a', { kind: 'AuthorizationCode', uid: 'u', userCode: 'c', grantId: 'g' }, 60)
    for (const found of [
      await adapter.find('a'),
      await adapter.findByUid('u'),
      await adapter.findByUserCode('c'),
    ])
      expect(found).toEqual({ kind: 'AuthorizationCode', uid: 'u', userCode: 'c', grantId: 'g' })
    expect(await adapterFor(newId('svc')).find('a')).toBeUndefined()
    await adapter.revokeByGrantId('g')
    expect(await adapter.find('a')).toBeUndefined()
  })

  test('is sealed, and known to the store only by a keyed hash', async () => {
    await adapterFor().upsert('the-code', { accountId: 'usr_1', nonce: 'secret-nonce' }, 60)
    const id = world.secrets.digest('artifact-ids', 'the-code')
    const stored = await world.store.artifacts.find(world.service.id, 'AuthorizationCode', id)
    expect(stored?.payload).toMatch(/^v1\$/)
    expect(JSON.stringify(stored)).not.toMatch(/secret-nonce|the-code/)
  })

  test('is still found after the deployment secret was rotated', async () => {
    const [old, fresh] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
    const before = { ...world.deps, secrets: deploymentSecrets([old], randomBytes) }
    const after = { ...world.deps, secrets: deploymentSecrets([fresh, old], randomBytes) }
    await artifactAdapter(before, world.service.id, 'Grant').upsert('g', { accountId: 'usr_1' }, 60)
    const adapter = artifactAdapter(after, world.service.id, 'Grant')
    expect(await adapter.find('g')).toEqual({ accountId: 'usr_1' })
    await adapter.destroy('g')
    expect(await adapter.find('g')).toBeUndefined()
  })

  test('is consumed once: of many that read it unconsumed before a slow store answered, one goes on', async () => {
    // The library reads, checks, then consumes; with no delay in between a test would never show the race.
    const slow = {
      ...world.store.artifacts,
      find: async (...args: Parameters<typeof world.store.artifacts.find>) => {
        const found = await world.store.artifacts.find(...args)
        await pause(5)
        return found
      },
    }
    const adapter = artifactAdapter(
      { ...world.deps, artifacts: slow, clock },
      world.service.id,
      'AuthorizationCode',
    )
    await adapter.upsert('once', { accountId: 'usr_1' }, 60)
    const redeem = async () => {
      const found = await adapter.find('once')
      if (found === undefined || found.consumed) throw new Error('already consumed')
      await adapter.consume('once')
    }
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, redeem))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await adapter.find('once')).toMatchObject({ consumed: expect.any(Number) })
  })
})

describe("a client assertion's id (RFC 7523 §3)", () => {
  const [old, fresh] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
  const nodeWith = (...secrets: readonly string[]) =>
    takeAssertionId({ ...world.deps, secrets: deploymentSecrets(secrets, randomBytes) }, world.service.id)
  const inAMinute = () => Math.floor(clock() / 1000) + 60

  test.each([
    ['before a deployment secret was added', [old], [fresh, old]],
    ['at a node that has the new one in front', [fresh, old], [old, fresh]],
    ['at a node that was not told of the new one', [fresh, old], [old]],
    ['while there still was an older one', [fresh, old], [fresh]],
  ])('is refused when it was taken %s', async (jti, taker, other) => {
    expect(await nodeWith(...taker)('key_1', jti, inAMinute())).toBe(true)
    expect(await nodeWith(...other)('key_1', jti, inAMinute())).toBe(false)
  })

  test('is taken by one of two nodes at once that have the secrets in another order', async () => {
    const nodes = [nodeWith(fresh, old), nodeWith(old, fresh)]
    const taken = await Promise.all(nodes.map((take) => take('key_1', 'at-once', inAMinute())))
    expect(taken.toSorted()).toEqual([false, true])
  })
})
