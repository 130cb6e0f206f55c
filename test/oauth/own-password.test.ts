import { randomBytes } from 'node:crypto'
import * as client from 'openid-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import { passwordHasher } from '../../src/users/argon2.ts'
import { getUser, type User, users } from '../../src/users/user.ts'
import { verifyPassword } from '../../src/users/verify-password.ts'
import { appOf, appUri, authorize } from './app.ts'
import { Browser, type Seen, signIn } from './browser.ts'
import { rightPassword, startWorld, type World } from './fixture.ts'

const chosen = 'plum velvet harbour ninety'
const hasher = passwordHasher(randomBytes)

let world: World
let ann: User
let browser: Browser
beforeEach(async () => {
  world = await startWorld()
  const user = await world.addUser()
  const hash = await hasher.hash(rightPassword)
  const sealedHash = world.secrets.seal('passwords', user.id, hash)
  ann = await world.change(users, user, { password: { sealedHash, changedAt: world.clock() } })
  browser = new Browser(world.origin)
})
afterEach(() => world.stop())

const login = () => `${world.issuer}/login`
const form = () => browser.open(`${login()}/password`)
const change = async (current: string, password: string, page?: Seen): Promise<Seen> =>
  browser.submit(page ?? (await form()), { current_password: current, new_password: password })
const opens = async (password: string) => {
  const user = await getUser(world.store.records, ann.organizationId, ann.id)
  return verifyPassword({ secrets: world.secrets, hasher }, user, password)
}
const emailAsked = 'name="email"'

describe('changing one’s password where one is signed in', () => {
  test('takes the current one and a new one, from the page of one’s own', async () => {
    const own = await signIn(browser, login())
    expect(own.text).toContain('href="/clinic/login/password"')
    const done = await change(rightPassword, chosen)
    expect([done.status, done.text]).toEqual([200, expect.stringContaining('Your password is changed')])
    expect([await opens(rightPassword), await opens(chosen)]).toEqual([false, true])
    expect(world.mails.at(-1)).toMatchObject({ to: ann.email, subject: 'Your password was changed' })
    const events = await world.store.records.list(ann.organizationId, auditEvents, 'all', '', { limit: 100 })
    expect(events).toContainEqual(
      expect.objectContaining({
        ...{ type: 'user.password_changed', target: ann.id },
        by: expect.objectContaining({ kind: 'user', id: ann.id, address: expect.any(String) }),
      }),
    )
  })

  test('ends every other session and the tokens of apps; this one goes on under a new id', async () => {
    const other = new Browser(world.origin)
    await signIn(other, login())
    await signIn(browser, login())
    const app = await world.addKey({ redirectUris: [appUri] })
    const config = await appOf(world, app)
    const { access_token: token } = await authorize(world, config, { scope: 'openid' })
    const userinfo = () =>
      fetch(`${world.issuer}/oauth/userinfo`, { headers: { authorization: `Bearer ${token}` } })
    expect((await userinfo()).status).toBe(200)
    expect((await client.tokenIntrospection(config, token)).active).toBe(true)
    const before = await browser.jar.getCookieString(login())
    await change(rightPassword, chosen)
    await expect.poll(async () => (await userinfo()).status, { timeout: 1_000 }).toBe(401)
    expect((await client.tokenIntrospection(config, token)).active).toBe(false)
    expect((await other.open(login())).text).not.toContain('Where you are signed in')
    const page = await browser.open(login())
    expect(page.text).toContain('(this browser)')
    expect(page.text.match(/name="session"/g)).toHaveLength(1)
    const stolen = await fetch(login(), { headers: { cookie: before }, redirect: 'manual' })
    expect(stolen.status).toBe(303)
  })

  test('is refused with the wrong current one, and says so', async () => {
    await signIn(browser, login())
    const page = await change('not the password', chosen)
    expect([page.status, page.text]).toEqual([422, expect.stringContaining('not your current password')])
    expect(await opens(rightPassword)).toBe(true)
    expect((await change(rightPassword, chosen, page)).status).toBe(200)
  })

  test('is refused for a new one that will not do, with why and what would', async () => {
    await signIn(browser, login())
    for (const [password, why] of [
      ['short', 'it has 5 characters, and 15 are needed'],
      ['ann@north.example', 'it is made of your address'],
    ] as const) {
      const page = await change(rightPassword, password)
      expect([page.status, page.text]).toEqual([422, expect.stringContaining(why)])
      expect(page.text).not.toContain(rightPassword)
    }
    expect(await opens(rightPassword)).toBe(true)
  })

  test('is refused after too many tries, the right one too', async () => {
    await signIn(browser, login())
    let page = await form()
    for (let n = 0; n < 10; n += 1) page = await change('not the password', chosen, page)
    page = await change(rightPassword, chosen, page)
    expect([page.status, page.text]).toEqual([422, expect.stringContaining('Too many tries')])
    expect(await opens(rightPassword)).toBe(true)
  })

  test('is for who is signed in, from this host’s own page alone', async () => {
    expect((await form()).text).toContain(emailAsked)
    await signIn(browser, login())
    const page = await form()
    const wanted = { current_password: rightPassword, new_password: chosen }
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }])
      expect((await browser.submit(page, wanted, headers)).status).toBe(403)
    expect((await browser.post(page.url, wanted)).status).toBe(403)
    expect(await opens(rightPassword)).toBe(true)
  })

  test('is for who has one: nobody else is shown the way', async () => {
    await world.addUser({ email: 'bob@north.example' })
    const own = await signIn(browser, login(), 'bob@north.example')
    expect(own.text).not.toContain('login/password')
    const page = await form()
    expect([page.status, page.text]).toEqual([404, expect.stringContaining('no password')])
  })
})
