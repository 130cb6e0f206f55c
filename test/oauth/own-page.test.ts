import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Browser, signIn } from './browser.ts'
import { startWorld, type World } from './fixture.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
  await world.addUser()
})
afterAll(() => world.stop())

const login = () => `${world.issuer}/login`

const signInAlone = (browser: Browser) => signIn(browser, login())

describe('/{service}/login without an app', () => {
  test('leads to the page of one’s own sessions, each of which can be ended', async () => {
    const [first, second] = [new Browser(world.origin), new Browser(world.origin)]
    await signInAlone(first)
    const page = await signInAlone(second)
    expect(page.url.pathname).toBe('/clinic/login')
    expect(page.text).toContain('ann@north.example')
    expect(page.text.match(/name="session"/g)).toHaveLength(2)
    const [own = '', other = ''] = [...page.text.matchAll(/name="session" value="([^"]+)"/g)].map(
      ([, value]) => value ?? '',
    )
    const ended = await second.submit(page, { session: other })
    expect(ended.text).toContain('That session is over.')
    expect(ended.text.match(/name="session"/g)).toHaveLength(1)
    expect((await first.open(login())).text).toContain('name="email"')
    expect((await second.open(login())).text).toContain('ann@north.example')
    const out = await second.submit(page, { session: own })
    expect(out.text).toContain('<h1>You are signed out</h1>')
    expect(out.text).toContain('<a href="/clinic/login">')
    expect((await second.open(login())).text).toContain('name="email"')
  })

  test('a session begins under a new id, so that none can be planted (fixation)', async () => {
    const browser = new Browser(world.origin)
    const planted = 'latchkey_session_clinic=planted-by-a-stranger-0123456789'
    await browser.jar.setCookie(planted, world.origin)
    await signInAlone(browser)
    const cookie = await browser.jar.getCookieString(login())
    expect(cookie).not.toContain('planted')
    expect(cookie).toContain('latchkey_session_clinic=')
  })

  test('who comes as somebody else has left: the other session is dead', async () => {
    await world.addUser({ email: 'bob@north.example', name: 'Bob' })
    const browser = new Browser(world.origin)
    const begun = await browser.open(login())
    await signInAlone(browser)
    const anns = await browser.jar.getCookieString(login())
    const bobs = await signIn(browser, begun.url, 'bob@north.example')
    expect(bobs.text).toContain('bob@north.example')
    const response = await fetch(login(), { headers: { cookie: anns }, redirect: 'manual' })
    expect([response.status, await response.text()]).toEqual([303, expect.not.stringContaining('ann@')])
  })
})
