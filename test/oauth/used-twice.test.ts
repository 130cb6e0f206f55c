import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { buyCode, type Ground, redeem, startGround } from './attack.ts'
import { basic, tokenOf } from './fixture.ts'

let ground: Ground
beforeAll(async () => {
  ground = await startGround()
})
afterAll(() => ground.stop())
afterEach(() => {
  vi.restoreAllMocks()
})

/** Lets nobody go on with a code before this many have read it: what another node is slow enough for. */
function holdUntilReadBy(count: number): void {
  const { artifacts } = ground.deps
  const find = artifacts.find.bind(artifacts)
  const { promise, resolve } = Promise.withResolvers<void>()
  let readers = 0
  vi.spyOn(artifacts, 'find').mockImplementation(async (serviceId, model, id) => {
    const found = await find(serviceId, model, id)
    if (model !== 'AuthorizationCode') return found
    readers += 1
    if (readers >= count) resolve()
    await promise
    return found
  })
}

const isActive = async (token: string) => {
  const asked = { method: 'POST', headers: basic(ground.app), body: new URLSearchParams({ token }) }
  const answer = await fetch(`${ground.issuer}/oauth/introspect`, asked)
  return (await answer.text()) !== '{"active":false}'
}

describe('a code that is read by several before any of them uses it (RFC 6749 §4.1.2)', () => {
  test.each([2, 10])('by %i: one gets an answer, and what it bought is ended', async (count) => {
    const bought = await buyCode(ground)
    holdUntilReadBy(count)
    const answers = await Promise.all(Array.from({ length: count }, () => redeem(ground, bought)))
    const [granted, ...others] = answers.filter(({ status }) => status === 200)
    expect(others).toEqual([])
    if (granted === undefined) throw new Error('nobody got an answer')
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 400]))
    const { access_token: token } = await tokenOf(granted)
    await vi.waitFor(async () => expect(await isActive(token)).toBe(false))
    expect(ground.faults).toEqual([])
  })
})
