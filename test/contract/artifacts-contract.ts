import { describe, expect, test } from 'vitest'
import type { Artifact } from '../../src/storage/ports.ts'
import { opened } from './opened.ts'
import type { StoreKind } from './stores.ts'
import { service } from './things.ts'

const minuteMs = 60_000

export function artifactsContract(kind: StoreKind): void {
  const it = opened(kind)

  test('an artifact is found as it was kept, frozen; what it lacks is absent', async () => {
    const own = service(it.fresh())
    const bare: Artifact = { id: 'bare', payload: 'sealed' }
    const full: Artifact = {
      ...{ id: 'full', payload: 'sealed \u0000 é', uid: 'u', userCode: 'c', grantId: 'g', accountId: 'a' },
      ...{ expiresAt: it.nowMs + minuteMs, consumedAt: it.nowMs - 1 },
    }
    for (const artifact of [bare, full]) {
      await it.store.artifacts.upsert(own, 'Code', artifact)
      const found = await it.store.artifacts.find(own, 'Code', artifact.id)
      expect(found).toStrictEqual(artifact)
      expect(Object.isFrozen(found)).toBe(true)
    }
    expect(await it.store.artifacts.find(own, 'Code', 'none')).toBeUndefined()
    expect(await it.store.artifacts.findByUid(own, 'Code', 'u')).toEqual(full)
    expect(await it.store.artifacts.findByUserCode(own, 'Code', 'c')).toEqual(full)
    expect(await it.store.artifacts.findByUid(own, 'Code', 'full')).toBeUndefined()
  })

  test('what is upserted again replaces all of it, the ways to find it too', async () => {
    const own = service(it.fresh())
    await it.store.artifacts.upsert(own, 'Session', { id: 'a', payload: '1', uid: 'old', accountId: 'x' })
    await it.store.artifacts.upsert(own, 'Session', { id: 'a', payload: '2', uid: 'new' })
    expect(await it.store.artifacts.find(own, 'Session', 'a')).toEqual({ id: 'a', payload: '2', uid: 'new' })
    expect(await it.store.artifacts.findByUid(own, 'Session', 'old')).toBeUndefined()
    expect(await it.store.artifacts.listByAccount(own, 'Session', 'x', { limit: 10 })).toEqual([])
  })

  test('20 upserts of one id at once leave one artifact', async () => {
    const own = service(it.fresh())
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        it.store.artifacts.upsert(own, 'Session', { id: 'a', payload: `${i}`, accountId: 'x' }),
      ),
    )
    expect(await it.store.artifacts.listByAccount(own, 'Session', 'x', { limit: 10 })).toHaveLength(1)
  })

  describe('consume', () => {
    test('is true for exactly one of 50 callers at once', async () => {
      const own = service(it.fresh())
      for (let round = 0; round < 5; round++) {
        const id = `code${round}`
        await it.store.artifacts.upsert(own, 'Code', { id, payload: 'x' })
        const answers = await Promise.all(
          Array.from({ length: 50 }, () => it.store.artifacts.consume(own, 'Code', id)),
        )
        expect(answers.filter((answer) => answer)).toHaveLength(1)
        expect(await it.store.artifacts.find(own, 'Code', id)).toMatchObject({ consumedAt: it.nowMs })
      }
    })

    test('is false for what is not there, expired, destroyed, or was kept as consumed', async () => {
      const own = service(it.fresh())
      const { artifacts } = it.store
      await artifacts.upsert(own, 'Code', { id: 'expired', payload: 'x', expiresAt: it.nowMs })
      await artifacts.upsert(own, 'Code', { id: 'consumed', payload: 'x', consumedAt: it.nowMs - 1 })
      await artifacts.upsert(own, 'Code', { id: 'destroyed', payload: 'x' })
      await artifacts.destroy(own, 'Code', 'destroyed')
      for (const id of ['never', 'expired', 'consumed', 'destroyed'])
        expect(await artifacts.consume(own, 'Code', id)).toBe(false)
    })

    test('stays true once in the artifact’s life, whatever is upserted over it', async () => {
      const own = service(it.fresh())
      await it.store.artifacts.upsert(own, 'Code', { id: 'a', payload: 'x' })
      expect(await it.store.artifacts.consume(own, 'Code', 'a')).toBe(true)
      await it.store.artifacts.upsert(own, 'Code', { id: 'a', payload: 'y' })
      expect(await it.store.artifacts.consume(own, 'Code', 'a')).toBe(false)
      expect(await it.store.artifacts.find(own, 'Code', 'a')).toMatchObject({
        payload: 'y',
        consumedAt: it.nowMs,
      })
    })
  })

  describe('expiry', () => {
    test('is checked at every read, without a sweep', async () => {
      const own = service(it.fresh())
      const { artifacts } = it.store
      const mortal = { id: 'a', payload: 'x', uid: 'u', userCode: 'c', accountId: 'x' }
      await artifacts.upsert(own, 'Code', { ...mortal, expiresAt: it.nowMs + minuteMs })
      const reads = () =>
        Promise.all([
          artifacts.find(own, 'Code', 'a'),
          artifacts.findByUid(own, 'Code', 'u'),
          artifacts.findByUserCode(own, 'Code', 'c'),
          artifacts.listByAccount(own, 'Code', 'x', { limit: 1 }).then(([first]) => first),
        ])
      it.nowMs += minuteMs - 1
      for (const read of await reads()) expect(read?.id).toBe('a')
      it.nowMs += 1
      expect(await reads()).toEqual([undefined, undefined, undefined, undefined])
      expect(await artifacts.consume(own, 'Code', 'a')).toBe(false)
    })

    test('a sweep deletes what has expired and nothing else, also when two sweep at once', async () => {
      const own = service(it.fresh())
      const { artifacts } = it.store
      for (const id of ['a', 'b'])
        await artifacts.upsert(own, 'Code', { id, payload: 'x', expiresAt: it.nowMs + 1 })
      await artifacts.upsert(own, 'Code', { id: 'later', payload: 'x', expiresAt: it.nowMs + minuteMs })
      await artifacts.upsert(own, 'Code', { id: 'never', payload: 'x' })
      it.nowMs += 1
      await Promise.all([it.store.sweep(), it.store.sweep()])
      // Were they still there, the clock set back would show them.
      it.nowMs -= 1
      for (const id of ['a', 'b']) expect(await artifacts.find(own, 'Code', id)).toBeUndefined()
      for (const id of ['later', 'never']) expect((await artifacts.find(own, 'Code', id))?.id).toBe(id)
    })
  })

  describe('destroying', () => {
    test('by grant takes all models of that grant, and no other', async () => {
      const own = service(it.fresh())
      const { artifacts } = it.store
      await artifacts.upsert(own, 'Code', { id: 'a', payload: 'x', grantId: 'g' })
      await artifacts.upsert(own, 'RefreshToken', { id: 'b', payload: 'x', grantId: 'g' })
      await artifacts.upsert(own, 'RefreshToken', { id: 'c', payload: 'x', grantId: 'other' })
      await artifacts.upsert(own, 'RefreshToken', { id: 'd', payload: 'x' })
      await artifacts.destroyByGrant(own, 'g')
      expect(await artifacts.find(own, 'Code', 'a')).toBeUndefined()
      expect(await artifacts.find(own, 'RefreshToken', 'b')).toBeUndefined()
      expect(await artifacts.find(own, 'RefreshToken', 'c')).toBeDefined()
      expect(await artifacts.find(own, 'RefreshToken', 'd')).toBeDefined()
    })

    test('by account takes all models of that account, and no other', async () => {
      const own = service(it.fresh())
      const { artifacts } = it.store
      await artifacts.upsert(own, 'Session', { id: 'a', payload: 'x', accountId: 'one' })
      await artifacts.upsert(own, 'Grant', { id: 'b', payload: 'x', accountId: 'one' })
      await artifacts.upsert(own, 'Grant', { id: 'c', payload: 'x', accountId: 'two' })
      await artifacts.destroyByAccount(own, 'one')
      expect(await artifacts.find(own, 'Session', 'a')).toBeUndefined()
      expect(await artifacts.find(own, 'Grant', 'b')).toBeUndefined()
      expect(await artifacts.find(own, 'Grant', 'c')).toBeDefined()
    })

    test('what is not there is no error', async () => {
      const own = service(it.fresh())
      await it.store.artifacts.destroy(own, 'Code', 'none')
      await it.store.artifacts.destroyByGrant(own, 'none')
      await it.store.artifacts.destroyByAccount(own, 'none')
    })
  })

  test('an account’s artifacts are listed in pages, in the order of ids, both ways', async () => {
    const own = service(it.fresh())
    const { artifacts } = it.store
    const ids = Array.from({ length: 25 }, (_, i) => `a${String(i).padStart(2, '0')}`)
    for (const id of ids.toReversed())
      await artifacts.upsert(own, 'Grant', { id, payload: 'x', accountId: 'one' })
    for (const order of ['oldest_first', 'newest_first'] as const) {
      const seen: string[] = []
      for (let after: string | undefined; ; ) {
        const page = { limit: 10, order, ...(after !== undefined && { after }) }
        const part = (await artifacts.listByAccount(own, 'Grant', 'one', page)).map(({ id }) => id)
        seen.push(...part)
        after = part.at(-1)
        if (after === undefined) break
      }
      expect(seen).toEqual(order === 'oldest_first' ? ids : ids.toReversed())
    }
    for (const limit of [0, 1001, 0.5])
      await expect(artifacts.listByAccount(own, 'Grant', 'one', { limit })).rejects.toMatchObject({
        code: 'invalid_request',
      })
  })

  test('nothing is found, consumed or destroyed through another service, nor as another model', async () => {
    const [own, other] = [service(it.fresh()), service(it.fresh())]
    const { artifacts } = it.store
    const full = { id: 'a', payload: 'own', uid: 'u', userCode: 'c', grantId: 'g', accountId: 'x' }
    await artifacts.upsert(own, 'Code', full)
    for (const [from, model] of [
      [other, 'Code'],
      [own, 'Session'],
    ] as const) {
      expect(await artifacts.find(from, model, 'a')).toBeUndefined()
      expect(await artifacts.findByUid(from, model, 'u')).toBeUndefined()
      expect(await artifacts.findByUserCode(from, model, 'c')).toBeUndefined()
      expect(await artifacts.listByAccount(from, model, 'x', { limit: 1 })).toEqual([])
      expect(await artifacts.consume(from, model, 'a')).toBe(false)
      await artifacts.destroy(from, model, 'a')
    }
    await artifacts.destroyByGrant(other, 'g')
    await artifacts.destroyByAccount(other, 'x')
    expect(await artifacts.find(own, 'Code', 'a')).toEqual(full)
    await artifacts.upsert(other, 'Code', { id: 'a', payload: 'other' })
    await artifacts.upsert(own, 'Session', { id: 'a', payload: 'session' })
    expect(await artifacts.find(own, 'Code', 'a')).toEqual(full)
  })

  test('half of a surrogate pair is refused', async () => {
    const own = service(it.fresh())
    const refused = { code: 'invalid_request' }
    await expect(it.store.artifacts.find(own, 'Code', '\ud800')).rejects.toMatchObject(refused)
    await expect(it.store.artifacts.consume(own, 'Code', '\ud800')).rejects.toMatchObject(refused)
    const bad = { id: '\ud800', payload: 'x' }
    await expect(it.store.artifacts.upsert(own, 'Code', bad)).rejects.toMatchObject(refused)
  })
}
