import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { DomainError } from '../../src/errors.ts'
import { services } from '../../src/services/service.ts'
import { askToken, startWorld, tokenOf, type World } from './fixture.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ issuersMax: 2 })
})
afterAll(() => world.stop())

describe('one issuer per service', () => {
  test('a slug that no service has is looked for once, however often it is asked for', async () => {
    const locate = vi.spyOn(world.store.records, 'locate')
    for (let i = 0; i < 5; i++) expect((await fetch(`${world.origin}/nowhere/oauth/jwks`)).status).toBe(404)
    expect(locate).toHaveBeenCalledTimes(1)
    locate.mockRestore()
    await world.addService({ slug: 'nowhere' })
    expect((await fetch(`${world.origin}/nowhere/oauth/jwks`)).status).toBe(200)
  })

  test('more services than are held ready all answer, each with its own issuer', async () => {
    const slugs = ['one', 'two', 'three', 'four']
    for (const slug of slugs) await world.addService({ slug, audience: `https://${slug}.example` })
    for (const slug of [...slugs, ...slugs]) {
      const response = await fetch(`${world.origin}/${slug}/.well-known/openid-configuration`)
      expect(await response.json()).toMatchObject({ issuer: `${world.origin}/${slug}` })
    }
  })

  test("a change of a service's settings reaches the next token", async () => {
    const service = await world.addService({ slug: 'changing', accessTokenTtlSeconds: 100 })
    const issued = await world.addKey({ serviceId: service.id })
    const issuer = { issuer: `${world.origin}/changing` }
    expect((await tokenOf(await askToken(issuer, issued))).expires_in).toBe(100)
    await world.change(services, service, { accessTokenTtlSeconds: 200 })
    expect((await tokenOf(await askToken(issuer, issued))).expires_in).toBe(200)
  })
})

describe('a store that is gone', () => {
  const gone = () => Promise.reject(new DomainError('store_unavailable', 'the store is gone'))

  async function expectUnavailable(response: Response): Promise<void> {
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' })
  }

  test('is 503 with Retry-After while the service, or the key, is looked for; never 401', async () => {
    const issued = await world.addKey()
    const locate = vi.spyOn(world.store.records, 'locate').mockImplementation(gone)
    try {
      await expectUnavailable(await fetch(`${world.origin}/unseen/oauth/token`, { method: 'POST' }))
      await expectUnavailable(await askToken(world, issued))
    } finally {
      locate.mockRestore()
    }
    expect(world.faults).toHaveLength(2)
    await tokenOf(await askToken(world, issued))
  })
})
