import { describe, expect, test } from 'vitest'
import { revocations } from '../../src/revocations/revocation.ts'
import { rotateSigningKey } from '../../src/services/rotate-signing-key.ts'
import { createShop } from './create-shop.ts'
import { deployment } from './deployment.ts'

const minute = 60_000

function states(service: Awaited<ReturnType<typeof rotateSigningKey>>) {
  return service.signingKeys.map(({ id, state }) => [id, state.kind])
}

describe('rotateSigningKey', () => {
  test('publishes the next key first, and lets it sign only once verifiers have it', async () => {
    const d = await deployment()
    const { service } = await createShop(d)
    const first = service.signingKeys[0]?.id
    const published = await rotateSigningKey(d.deps, d.by, 'shop')
    const next = published.signingKeys[1]?.id
    expect(states(published)).toEqual([
      [first, 'active'],
      [next, 'next'],
    ])
    d.advance(4 * minute)
    await expect(rotateSigningKey(d.deps, d.by, 'shop')).rejects.toMatchObject({
      code: 'already_done',
      data: { kid: next, retry_at: '2030-01-01T12:05:00.000Z' },
    })
    d.advance(minute)
    expect(states(await rotateSigningKey(d.deps, d.by, 'shop'))).toEqual([
      [first, 'retiring'],
      [next, 'active'],
    ])
  })

  test('publishes the old key until the last token that it can have signed has ended', async () => {
    const d = await deployment()
    await createShop(d)
    await rotateSigningKey(d.deps, d.by, 'shop')
    d.advance(5 * minute)
    const promoted = await rotateSigningKey(d.deps, d.by, 'shop')
    const old = promoted.signingKeys[0]
    expect(old?.state.kind === 'retiring' && old.state.endsAt - d.deps.clock()).toBeGreaterThan(86_400_000)
    d.advance(24 * 60 * minute)
    expect((await rotateSigningKey(d.deps, d.by, 'shop')).signingKeys).toContainEqual(old)
    d.advance(6 * minute)
    const after = await rotateSigningKey(d.deps, d.by, 'shop')
    expect(after.signingKeys.map(({ id }) => id)).not.toContain(old?.id)
  })

  test('a compromised key ends at once, with every token that it signed', async () => {
    const d = await deployment()
    const { service } = await createShop(d)
    const old = service.signingKeys[0]?.id
    const after = await rotateSigningKey(d.deps, d.by, 'shop', { compromised: true })
    expect(after.signingKeys).toMatchObject([{ state: { kind: 'active' } }])
    expect(after.signingKeys[0]?.id).not.toBe(old)
    const entered = await d.store.records.list(d.operatorId, revocations, 'all', '', { limit: 10 })
    expect(entered).toMatchObject([{ serviceId: service.id, ended: { kind: 'signing_key', kid: old } }])
  })

  test('of two at once, one is done', async () => {
    const d = await deployment()
    await createShop(d)
    const both = await Promise.allSettled([1, 2].map(() => rotateSigningKey(d.deps, d.by, 'shop')))
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(both.find((one) => one.status === 'rejected')?.reason).toMatchObject({ code: 'conflict' })
  })
})
