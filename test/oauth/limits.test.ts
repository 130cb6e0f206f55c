import { setTimeout } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { listRefusals } from '../../src/audit/activity.ts'
import { makeSecret } from '../../src/client-keys/secret-format.ts'
import { tokenLimits, tokenQuotasDefault } from '../../src/oauth/limits.ts'
import { askToken, basic, newId, startWorld, type World } from './fixture.ts'
import { open as openAt, startTenants } from './tenants.ts'

let world: World
afterEach(async () => {
  await world?.stop()
})

const many = { requests: 1_000, windowSeconds: 60 }
const from = (address: string) => ({ 'x-forwarded-for': address })
const wrong = (id: Parameters<typeof makeSecret>[0]) =>
  makeSecret(id, 'live', (length) => crypto.getRandomValues(new Uint8Array(length))).reveal()

function expectLimited(response: Response, name: string, quota: number): void {
  expect(response.status).toBe(429)
  const seconds = Number(response.headers.get('retry-after'))
  expect(seconds).toBeGreaterThan(0)
  expect(seconds).toBeLessThanOrEqual(60)
  expect(response.headers.get('ratelimit')).toBe(`"${name}";r=0;t=${seconds}`)
  expect(response.headers.get('ratelimit-policy')).toBe(`"${name}";q=${quota};w=60`)
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('x-request-id')).toMatch(/./)
}

describe('limits of the token endpoint', () => {
  test('an address is answered 429 after its quota, on every spelling of the path; another is not', async () => {
    world = await startWorld({ trustedProxies: 1, quotas: { address: { requests: 2, windowSeconds: 60 } } })
    const issued = await world.addKey()
    const ask = (address: string) => askToken(world, issued, {}, from(address))
    expect([(await ask('192.0.2.1')).status, (await ask('192.0.2.1')).status]).toEqual([200, 200])
    const third = await ask('192.0.2.1')
    expectLimited(third, 'address', 2)
    expect(await third.json()).toMatchObject({ error: 'temporarily_unavailable' })
    const folded = await fetch(`${world.origin}/clinic/OAuth/TOKEN/`, {
      method: 'POST',
      headers: from('192.0.2.1'),
    })
    expect(folded.status).toBe(429)
    expect((await ask('192.0.2.2')).status).toBe(200)
    expect((await fetch(`${world.issuer}/oauth/jwks`, { headers: from('192.0.2.1') })).status).toBe(200)
  })

  test('a /64 of IPv6 counts as one address', async () => {
    world = await startWorld({ trustedProxies: 1, quotas: { address: { requests: 1, windowSeconds: 60 } } })
    const issued = await world.addKey()
    const ask = (address: string) => askToken(world, issued, {}, from(address))
    expect((await ask('2001:db8:1:2::1')).status).toBe(200)
    expect((await ask('2001:db8:1:2:ffff::9')).status).toBe(429)
    expect((await ask('2001:db8:1:3::1')).status).toBe(200)
  })

  test('a key is answered 429 after its quota; a stranger who names it uses up nothing of it', async () => {
    world = await startWorld({ trustedProxies: 1, quotas: { key: { requests: 2, windowSeconds: 60 } } })
    const issued = await world.addKey()
    for (let i = 0; i < 5; i++)
      expect(
        (await askToken(world, { ...issued, secret: wrong(issued.key.id) }, {}, from('192.0.2.9'))).status,
      ).toBe(401)
    const answers = [1, 2, 3].map((i) => askToken(world, issued, {}, from(`192.0.2.${i}`)))
    const statuses = (await Promise.all(answers)).map(({ status }) => status)
    expect(statuses.sort()).toEqual([200, 200, 429])
    expectLimited(await askToken(world, issued), 'key', 2)
    await world.activity.flush()
    const refusals = await listRefusals(world.store.counters, issued.key.organizationId, issued.key.id, {
      limit: 10,
    })
    expect(refusals.map(({ reason }) => reason)).toContain('rate_limited')
  })

  test('failures as one key from one address are counted stricter, and stop nobody elsewhere', async () => {
    world = await startWorld({
      trustedProxies: 1,
      quotas: { keyFailures: { requests: 2, windowSeconds: 60 } },
    })
    const issued = await world.addKey()
    const fail = () => askToken(world, { ...issued, secret: wrong(issued.key.id) }, {}, from('192.0.2.1'))
    expect([(await fail()).status, (await fail()).status]).toEqual([401, 401])
    expectLimited(await fail(), 'key-failures', 2)
    expect((await askToken(world, issued, {}, from('192.0.2.1'))).status).toBe(429)
    expect((await askToken(world, issued, {}, from('192.0.2.2'))).status).toBe(200)
    expect((await askToken(world, await world.addKey(), {}, from('192.0.2.1'))).status).toBe(200)
  })

  test('failures from one address are counted over all keys, those that do not exist included', async () => {
    world = await startWorld({
      trustedProxies: 1,
      quotas: { addressFailures: { requests: 3, windowSeconds: 60 } },
    })
    const issued = await world.addKey()
    const guess = () => {
      const id = newId('key')
      return askToken(world, { key: { id }, secret: wrong(id) }, {}, from('192.0.2.1'))
    }
    expect([(await guess()).status, (await guess()).status, (await guess()).status]).toEqual([401, 401, 401])
    expectLimited(await askToken(world, issued, {}, from('192.0.2.1')), 'address-failures', 3)
  })

  test('what strangers begin is counted stricter: sign-ins, and what apps push that prove nothing', async () => {
    world = await startWorld({ quotas: { begun: { requests: 3, windowSeconds: 60 } }, trustedProxies: 1 })
    const app = await world.addKey({
      authentication: { kind: 'none' },
      redirectUris: ['https://app.example/'],
    })
    const proven = await world.addKey({ redirectUris: ['https://app.example/'] })
    const begin = async (path: string, address: string, headers = {}) => {
      const isPosted = path !== '/login' && path !== '/oauth/authorize'
      const response = await fetch(world.issuer + path, {
        ...(isPosted && { method: 'POST', body: new URLSearchParams({ client_id: app.key.id }) }),
        headers: { ...from(address), ...headers },
        redirect: 'manual',
      })
      return response.status
    }
    for (const [i, path] of ['/login', '/oauth/authorize', '/oauth/device', '/oauth/par'].entries()) {
      const statuses = []
      for (let n = 0; n < 4; n++) statuses.push(await begin(path, `192.0.2.${i}`))
      expect(statuses.slice(0, 3)).not.toContain(429)
      expect(statuses[3]).toBe(429)
    }
    const form = { ...from('192.0.2.2'), ...basic(proven) }
    const by = (path: string) =>
      fetch(world.issuer + path, { method: 'POST', headers: form, body: new URLSearchParams({ scope: 'x' }) })
    for (const path of ['/oauth/par', '/oauth/device']) expect((await by(path)).status).not.toBe(429)
  })

  test('a sign-in that was begun once does not fill the trail of the organization that it leads to', async () => {
    const at = await startTenants({ quotas: { begun: { requests: 3, windowSeconds: 60 } } })
    world = at.world
    try {
      const { browser } = await openAt(at, { connection: at.connection.id })
      const page = browser.trail.at(-1)?.url ?? ''
      expect(String(page)).toContain('/login/')
      const statuses = []
      for (let n = 0; n < 3; n++) statuses.push((await browser.open(page)).status)
      expect(statuses).toEqual([303, 429, 429])
      expect(await at.events('person.routed')).toHaveLength(2)
    } finally {
      await at.provider.close()
    }
  })

  test('a window ends', async () => {
    world = await startWorld()
    const limits = tokenLimits({ ...tokenQuotasDefault, address: { requests: 1, windowSeconds: 1 } })
    expect(limits.takeAddress('192.0.2.1')).toBeUndefined()
    expect(limits.takeAddress('192.0.2.1')?.seconds).toBe(1)
    await setTimeout(1_200)
    expect(limits.takeAddress('192.0.2.1')).toBeUndefined()
  })

  test('a flood of new addresses pushes out the longest unseen, and not who was just refused', async () => {
    world = await startWorld()
    const limits = tokenLimits({
      ...tokenQuotasDefault,
      address: { requests: 1, windowSeconds: 60 },
      key: many,
      countedMax: 100,
    })
    limits.takeAddress('192.0.2.1')
    for (let i = 0; i < 99; i++) limits.takeAddress(`10.0.0.${i}`)
    expect(limits.takeAddress('192.0.2.1')).toBeDefined()
    for (let i = 0; i < 101; i++) limits.takeAddress(`10.0.1.${i}`)
    expect(limits.takeAddress('192.0.2.1')).toBeUndefined()
  })
})
