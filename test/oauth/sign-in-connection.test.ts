import { setTimeout } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import * as client from 'openid-client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { connections } from '../../src/connections/connection.ts'
import { organizations } from '../../src/organizations/organization.ts'
import { users } from '../../src/users/user.ts'
import type { Misbehaviour } from '../connections/upstream.ts'
import { Browser, type Seen } from './browser.ts'
import { ana, comeThrough, open, startTenants, type Tenants, userOf, wayBack } from './tenants.ts'

let at: Tenants
beforeEach(async () => {
  at = await startTenants()
})
afterEach(() => at.stop())

const sessionCookie = async (browser: Browser) =>
  (await browser.jar.getCookieString(`${at.world.issuer}/login`)).includes('latchkey_session_clinic=')

/** Sent away to the provider by an address. */
async function goAway(browser = new Browser(at.world.origin), more: Record<string, string> = {}) {
  const { seen, checks } = await open(at, more, browser)
  return { browser, checks, away: await browser.submit(seen, { email: ana }) }
}

function isOver({ status, text }: Seen) {
  expect([status, text]).toEqual([404, expect.stringMatching(/this sign-in|This sign-in/)])
  expect(text).toContain('start again')
}

describe('signing in through the organization’s own provider', () => {
  test('leads from the address there and back, makes the person, and gives the app what their groups map to', async () => {
    const { browser, checks, away } = await goAway()
    expect(away.url.origin).toBe(at.provider.issuer)
    expect(away.url.searchParams.get('login_hint')).toBe(ana)
    expect(away.url.searchParams.get('redirect_uri')).toBe(
      `${at.world.origin}/connections/${at.connection.id}/callback`,
    )
    const back = wayBack(
      at,
      away,
      {},
      { claims: (usual) => ({ ...usual, groups: ['nurses'], ward: ['north'] }) },
    )
    const consent = await browser.open(back)
    expect(consent.text).toContain('Calendar')
    const { url } = await browser.submit(consent, { decision: 'allow' })
    const tokens = await client.authorizationCodeGrant(at.config, url, checks)
    const user = await userOf(at)
    expect(user).toMatchObject({
      ...{ name: 'Ana', state: { kind: 'active' }, tags: { ward: ['north'] } },
      identities: [{ connectionId: at.connection.id, subject: 'ana' }],
    })
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      ...{ sub: user?.id, org_id: at.world.organization.id, roles: ['nurse'], scope: 'patients:read' },
    })
  })

  test('again brings roles up to date, and ends the tokens of the old ones', async () => {
    await comeThrough(at, { claims: (usual) => ({ ...usual, groups: ['nurses'] }) })
    const before = await userOf(at)
    await comeThrough(at)
    const after = await userOf(at)
    expect([before?.roles, after?.roles]).toMatchObject([[{ role: 'nurse' }], [{ role: 'desk' }]])
    expect(after?.id).toBe(before?.id)
    expect(after?.authority).toBeGreaterThan(before?.authority ?? 0)
  })

  test('goes on after the provider has rotated its keys', async () => {
    await comeThrough(at)
    await at.provider.rotateKeys()
    expect((await comeThrough(at)).seen.text).toContain('Calendar')
  })

  test('a sign-in from the future is one of now: it ends when sessions end', async () => {
    const authTime = Math.floor(Date.now() / 1000) + 10 * 365 * 86_400
    const { browser, seen, checks } = await comeThrough(at, {
      claims: (usual) => ({ ...usual, auth_time: authTime }),
    })
    const { url } = await browser.submit(seen, { decision: 'allow' })
    const tokens = await client.authorizationCodeGrant(at.config, url, checks)
    expect(decodeJwt(tokens.access_token)['auth_time']).toBeLessThanOrEqual(Date.now() / 1000)
  })

  test('a sign-in at the provider long ago begins a session now, which does not end at once', async () => {
    const authTime = Math.floor(Date.now() / 1000) - 30 * 86_400
    const { browser } = await comeThrough(at, { claims: (usual) => ({ ...usual, auth_time: authTime }) })
    await setTimeout(1_100)
    expect((await open(at, {}, browser)).seen.text).toContain('name="decision"')
  })

  test('what the app asks of the sign-in is asked of the provider', async () => {
    await comeThrough(at)
    const { away } = await goAway(undefined, { prompt: 'login', max_age: '60' })
    expect(Object.fromEntries(away.url.searchParams)).toMatchObject({ prompt: 'login', max_age: '60' })
  })
})

describe('what comes back from a provider is taken once, by the browser that left, from that provider (RFC 9700 §4.4, §4.7)', () => {
  test('in another browser it is refused, and nobody is signed in there', async () => {
    const { away } = await goAway()
    const other = new Browser(at.world.origin)
    // It has been away itself, so that it has a name of its own.
    await goAway(other)
    for (const stranger of [other, new Browser(at.world.origin)]) {
      const seen = await stranger.open(wayBack(at, away))
      isOver(seen)
      // Not even told where the sign-in is.
      expect(seen.url.pathname).toBe(`/connections/${at.connection.id}/callback`)
    }
    expect(await sessionCookie(other)).toBe(false)
    expect(at.provider.redeemed).toHaveLength(0)
  })

  test('not even at the page to which it goes on', async () => {
    const { browser, away } = await goAway()
    const { away: others } = await goAway()
    const back = wayBack(at, others)
    const uid = /login\/([\w-]+)/.exec(browser.trail.map(({ url }) => url.pathname).join(' '))?.[1]
    isOver(await browser.open(`${at.world.issuer}/login/${uid}/return${back.search}`))
    expect((await browser.open(wayBack(at, away))).text).toContain('Calendar')
  })

  test('at the callback of another connection it is refused (mix-up), and its code goes nowhere', async () => {
    const second = await at.addConnection(at.world.organization.id, { domains: ['other.example'] })
    const { browser, away } = await goAway()
    const back = wayBack(at, away)
    back.pathname = `/connections/${second.id}/callback`
    isOver(await browser.open(back))
    expect(at.provider.redeemed).toHaveLength(0)
    back.pathname = '/connections/con_00000000000000000000000000/callback'
    isOver(await browser.open(back))
  })

  test('a second time it is refused', async () => {
    const { browser, away } = await goAway()
    const back = wayBack(at, away)
    await browser.open(back)
    isOver(await browser.open(back))
    expect(at.provider.redeemed).toHaveLength(1)
  })

  test('of ten at once one is taken', async () => {
    const { browser, away } = await goAway()
    const back = wayBack(at, away)
    const { artifacts } = at.world.store
    const find = artifacts.find.bind(artifacts)
    // With a store that takes its time, as one over a network does, all ten read before the first writes.
    vi.spyOn(artifacts, 'find').mockImplementation(async (...asked) => {
      const found = await find(...asked)
      await setTimeout(40)
      return found
    })
    await Promise.all(Array.from({ length: 10 }, () => browser.open(back)))
    expect(at.provider.redeemed).toHaveLength(1)
  })

  test.each([
    ['without one', (_state: string) => ''],
    ['of our own making', () => Buffer.from('v1$x$y').toString('base64url')],
    ['changed', (state: string) => `${state.slice(0, -4)}AAAA`],
  ])('with a state %s it is refused', async (_what, change) => {
    const { browser, away } = await goAway()
    const state = away.url.searchParams.get('state') ?? ''
    isOver(await browser.open(wayBack(at, away, { state: change(state) })))
    const twice = wayBack(at, away)
    twice.searchParams.append('state', state)
    isOver(await browser.open(twice))
    expect(at.provider.redeemed).toHaveLength(0)
  })

  test('with a state of another service it is refused', async () => {
    await at.world.addService({ slug: 'lab', audience: 'https://api.lab.example' })
    const browser = new Browser(at.world.origin)
    const lab = await browser.open(`${at.world.origin}/lab/login`)
    const labsAway = await browser.submit(lab, { email: ana })
    const { away } = await goAway(browser)
    const state = labsAway.url.searchParams.get('state') ?? ''
    const uid = /clinic\/login\/([\w-]+)/.exec(browser.trail.map(({ url }) => url.pathname).join(' '))?.[1]
    isOver(await browser.open(`${at.world.issuer}/login/${uid}/return?code=any&state=${state}`))
    expect((await browser.open(wayBack(at, away))).text).toContain('Calendar')
  })
})

describe('who is refused is told so, and the administrator of the organization why', () => {
  const seconds = () => Math.floor(Date.now() / 1000)
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = (more: object): Misbehaviour => ({ claims: (usual) => ({ ...usual, ...more }) })
  const vectors: readonly (readonly [string, Misbehaviour, RegExp])[] = [
    ['an ID token for another audience', claims({ aud: 'another' }), /claim aud/],
    ['an ID token of another issuer', claims({ iss: 'https://evil.example' }), /claim iss/],
    ['an ID token with another nonce', claims({ nonce: 'another' }), /claim nonce/],
    ['an ID token that has expired', claims({ exp: seconds() - 3600 }), /claim exp/],
    [
      'an ID token with alg none',
      { idToken: (said) => `${encoded({ alg: 'none' })}.${encoded(said)}.` },
      /alg|unsupported|signature/i,
    ],
    ['an address that is not verified', claims({ email_verified: false }), /verified/],
    ['an address of which nothing is said', claims({ email_verified: undefined }), /verified/],
    ["an address of somebody else's domain", claims({ email: 'ana@evil.example' }), /evil\.example/],
    ['no address', claims({ email: undefined }), /no e-mail address/],
    ['an address that is none', claims({ email: 'ana' }), /that is none/],
  ]
  test.each(vectors)('%s', async (_what, misbehaviour, reason) => {
    const { browser, seen } = await comeThrough(at, misbehaviour)
    expect(seen.status).toBe(403)
    expect(seen.text).toMatch(/administrator of your organization/)
    expect(await sessionCookie(browser)).toBe(false)
    expect(await userOf(at)).toBeUndefined()
    const [event, ...others] = await at.events('person.refused')
    expect(others).toEqual([])
    expect(event).toMatchObject({
      target: at.connection.id,
      details: { reason: expect.stringMatching(reason), service_id: at.world.service.id },
    })
    // By the number on the page the administrator finds it.
    expect(seen.text).toContain(event?.by.requestId)
    expect(seen.text).toMatch(reason)
  })

  test('a refusal of the provider, in its words', async () => {
    const { browser, away } = await goAway()
    const denied = { code: '', error: 'access_denied', error_description: 'not <b>yours</b>' }
    const back = wayBack(at, away, denied)
    back.searchParams.delete('code')
    const seen = await browser.open(back)
    expect([seen.status, seen.text]).toEqual([403, expect.stringContaining('access_denied')])
    expect(seen.text).toContain('not &lt;b&gt;yours&lt;/b&gt;')
    expect(seen.text).toContain('assign the person to this application')
    expect(await at.events('person.refused')).toHaveLength(1)
  })

  test('a provider that is down, before and after', async () => {
    const { browser, away } = await goAway()
    const back = wayBack(at, away)
    await at.provider.close()
    const after = await browser.open(back)
    expect([after.status, after.text]).toEqual([403, expect.stringContaining('Clinic sign-in')])
    const down = await at.addConnection(at.world.organization.id, {}, 'http://127.0.0.1:9')
    const before = (await open(at, { connection: down.id })).seen
    expect([before.status, before.text]).toEqual([403, expect.stringContaining('begin again')])
    const events = await at.events('person.refused')
    expect(events.map(({ target }) => target).toSorted()).toEqual([at.connection.id, down.id].toSorted())
  })

  /** What somebody else does while the person is at the provider. */
  const meanwhile = async (what: () => Promise<unknown>) => {
    const { browser, away } = await goAway()
    await what()
    const seen = await browser.open(wayBack(at, away))
    expect(await sessionCookie(browser)).toBe(false)
    return seen
  }

  test('a connection that was disabled meanwhile', async () => {
    const { status, text } = await meanwhile(() =>
      at.world.change(connections, at.connection, { state: { kind: 'disabled', disabledAt: 1 } }),
    )
    expect([status, text]).toEqual([403, expect.stringContaining('Clinic sign-in is disabled')])
    expect(await at.events('person.refused')).toHaveLength(1)
    expect(await userOf(at)).toBeUndefined()
  })

  test('an organization that was suspended meanwhile', async () => {
    const { status, text } = await meanwhile(() =>
      at.world.change(organizations, at.world.organization, {
        state: { kind: 'suspended', suspendedAt: 1, reason: 'unpaid' },
      }),
    )
    expect([status, text]).toEqual([403, expect.stringContaining('suspended')])
    expect(await userOf(at)).toBeUndefined()
  })

  test('an organization that was deleted meanwhile', async () => {
    const { commit } = at.world.store
    const seen = await meanwhile(() =>
      commit([{ kind: 'remove', collection: organizations, before: at.world.organization }]),
    )
    expect(seen.status).toBe(403)
    expect(await userOf(at)).toBeUndefined()
  })

  test('a connection that was deleted meanwhile', async () => {
    const { commit } = at.world.store
    isOver(
      await meanwhile(() => commit([{ kind: 'remove', collection: connections, before: at.connection }])),
    )
  })

  test('a user who was disabled meanwhile', async () => {
    await comeThrough(at)
    const user = await userOf(at)
    if (user === undefined) throw new Error('nobody was made')
    const { status, text } = await meanwhile(() =>
      at.world.change(users, user, { state: { kind: 'disabled', disabledAt: 1 } }),
    )
    expect([status, text]).toEqual([403, expect.stringContaining('disabled here')])
    expect(await at.events('person.refused')).toMatchObject([
      { details: { email: ana, subject: 'ana', reason: 'this person is disabled here' } },
    ])
  })

  test('who was refused can go another way in the same sign-in', async () => {
    const { browser, seen } = await comeThrough(at, claims({ email_verified: false }))
    const other = /<a href="([^"]+\/other)"/.exec(seen.text)?.[1] ?? ''
    expect((await browser.open(other)).text).toContain('name="email"')
  })
})
