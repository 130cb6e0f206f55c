import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { organizations } from '../../src/organizations/organization.ts'
import type { Service } from '../../src/services/service.ts'
import { type LinkPurpose, linkAddress, makeLink, oneTimeLinks } from '../../src/users/one-time-link.ts'
import { type User, users } from '../../src/users/user.ts'
import { Browser } from './browser.ts'
import { startWorld, type World } from './fixture.ts'

const email = 'ann@north.example'
const password = 'seven herons over grey water'

let world: World
beforeEach(async () => {
  world = await startWorld({ realAccounts: true })
})
afterEach(async () => {
  vi.useRealTimers()
  await world.stop()
})

const later = (minutes: number) => vi.useFakeTimers({ now: Date.now() + minutes * 60_000, toFake: ['Date'] })
const codeIn = (text: string) => /\b\d{6}\b/.exec(text)?.[0] ?? ''
const newestCode = (to = email) => codeIn(world.mails.filter((mail) => mail.to === to).at(-1)?.text ?? '')
/** Six digits that are not these. */
const another = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0')

async function toCode(to = email, service = 'clinic', browser = new Browser(world.origin)) {
  const page = await browser.submit(await browser.open(`${world.origin}/${service}/login`), { email: to })
  return { browser, page, code: newestCode(to) }
}

describe('the code that proves an address', () => {
  beforeEach(() => world.addUser())

  test('is right once, in the browser that asked for it', async () => {
    const { browser, page, code } = await toCode()
    const other = await toCode()
    expect((await other.browser.submit(other.page, { code })).text).toContain('That is not the code')
    expect((await browser.submit(page, { code })).text).toContain('name="password"')
    expect((await browser.submit(page, { code })).status).toBe(404)
  })

  test('is taken with the spaces that people copy', async () => {
    const { browser, page, code } = await toCode()
    const spaced = ` ${code.slice(0, 3)} ${code.slice(3)} `
    expect((await browser.submit(page, { code: spaced })).text).toContain('name="password"')
  })

  test('is not right when it is wrong, empty, or not digits; the page says so and keeps the address', async () => {
    const { browser, page, code } = await toCode()
    for (const wrong of [another(code), '', 'abcdef', '١٢٣٤٥٦']) {
      const answer = await browser.submit(page, { code: wrong })
      expect([answer.status, answer.text]).toEqual([422, expect.stringContaining('That is not the code')])
      expect(answer.text).toContain(email)
    }
    expect((await browser.submit(page, { code })).text).toContain('name="password"')
  })

  test('can be tried five times', async () => {
    const { browser, page, code } = await toCode()
    for (let n = 0; n < 5; n += 1) await browser.submit(page, { code: another(code) })
    const answer = await browser.submit(page, { code })
    expect([answer.status, answer.text]).toEqual([422, expect.stringContaining('used up or too old')])
  })

  test('can be tried five times by many at once, too', async () => {
    const { browser, page, code } = await toCode()
    await Promise.all(Array.from({ length: 12 }, () => browser.submit(page, { code: another(code) })))
    expect((await browser.submit(page, { code })).text).toContain('used up or too old')
  })

  test('is over after ten minutes, and another one goes on', async () => {
    const { browser, page, code } = await toCode()
    later(11)
    const answer = await browser.submit(page, { code })
    expect([answer.status, answer.text]).toEqual([422, expect.stringContaining('used up or too old')])
    const other = /href="([^"]+\/other)"/.exec(answer.text)?.[1] ?? ''
    const again = await browser.submit(await browser.open(other), { email })
    expect((await browser.submit(again, { code: newestCode() })).text).toContain('name="password"')
  })

  test('proves no other address', async () => {
    await world.addUser({ email: 'bob@north.example' })
    const bobs = await toCode('bob@north.example')
    const { browser, page } = await toCode()
    const answer = await browser.submit(page, { code: bobs.code })
    expect(answer.text).toContain('That is not the code')
    // Nor when the address is changed afterwards in the same sign-in.
    const own = newestCode()
    const other = await browser.open(/href="([^"]+\/other)"/.exec(answer.text)?.[1] ?? '')
    const next = await browser.submit(other, { email: 'bob@north.example' })
    expect((await browser.submit(next, { code: own })).text).toContain('That is not the code')
  })

  test('proves nothing at another service', async () => {
    await world.addService({ slug: 'lab', audience: 'https://api.lab.example' })
    const { browser, code } = await toCode()
    const lab = await toCode(email, 'lab', browser)
    expect((await browser.submit(lab.page, { code })).text).toContain('That is not the code')
  })
})

async function linked(purpose: LinkPurpose, more: Partial<User> = {}, service: Service = world.service) {
  const state = purpose === 'invitation' ? ({ kind: 'invited' } as const) : ({ kind: 'active' } as const)
  const user = await world.addUser({ state, ...more })
  const { link, text } = makeLink(world.deps, user, { serviceId: service.id, purpose }, Date.now())
  await world.add(oneTimeLinks, link)
  return { user, text, url: linkAddress(world.origin, service, purpose, text) }
}

const choose = async (url: string, chosen = password, browser = new Browser(world.origin)) =>
  browser.submit(await browser.open(url), { new_password: chosen })
const isOver = { status: 410, text: expect.stringContaining('Ask for a new one.') }

describe.each(['invitation', 'reset'] as const)('a mailed link (%s)', (purpose) => {
  test('leads to a page where a password is chosen, and from there to the sign-in', async () => {
    const { url } = await linked(purpose)
    const browser = new Browser(world.origin)
    const done = await choose(url, password, browser)
    expect(done.text).toContain(
      purpose === 'invitation' ? 'Your account is ready' : 'Your password is changed',
    )
    const next = /<a href="([^"]+)"/.exec(done.text)?.[1] ?? ''
    expect(next).toBe('/clinic/login')
    const code = await browser.submit(await browser.open(next), { email })
    const passwordPage = await browser.submit(code, { code: newestCode() })
    const own = await browser.submit(passwordPage, { password })
    expect(own.text).toContain('(this browser)')
  })

  test('is good once: looking at it uses nothing up, choosing does', async () => {
    const { url } = await linked(purpose)
    const browser = new Browser(world.origin)
    const page = await browser.open(url)
    expect((await browser.open(url)).status).toBe(200)
    await browser.submit(page, { new_password: password })
    expect(await browser.submit(page, { new_password: `${password} again` })).toMatchObject(isOver)
    expect(await browser.open(url)).toMatchObject(isOver)
  })

  test('is used by one of two at once', async () => {
    const { url } = await linked(purpose)
    const page = await new Browser(world.origin).open(url)
    const both = await Promise.all(
      ['first of two at once here', 'second of two at once here'].map((chosen) =>
        new Browser(world.origin).submit(page, { new_password: chosen }),
      ),
    )
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 410])
  })

  test('is not used up by a password that is refused; the page says why, a full stop after each sentence', async () => {
    const { url } = await linked(purpose)
    const refused = await choose(url, 'short')
    expect(refused.status).toBe(422)
    expect(refused.text).toMatch(/role="alert"><b>Error:<\/b> [A-Z][^.]+\. [A-Z][^.]+\.<\/p>/)
    expect(refused.text).not.toContain('..')
    expect((await choose(url)).status).toBe(200)
  })

  test('is over in time', async () => {
    const { url } = await linked(purpose)
    const page = await new Browser(world.origin).open(url)
    later(purpose === 'invitation' ? 24 * 60 + 1 : 61)
    expect(await new Browser(world.origin).open(url)).toMatchObject(isOver)
    expect(await new Browser(world.origin).submit(page, { new_password: password })).toMatchObject(isOver)
  })

  test('is none at another service, for another purpose, changed, or left out', async () => {
    const lab = await world.addService({ slug: 'lab', audience: 'https://api.lab.example' })
    const { url, text } = await linked(purpose)
    const other = purpose === 'invitation' ? 'reset' : 'invitation'
    const labs = linkAddress(world.origin, lab, purpose, text)
    const changed = `${text.slice(0, -2)}${text.endsWith('AA') ? 'BB' : 'AA'}`
    for (const wrong of [
      labs,
      linkAddress(world.origin, world.service, other, text),
      linkAddress(world.origin, world.service, purpose, changed),
      `${url}&link=${text}`,
      linkAddress(world.origin, world.service, purpose, ''),
      linkAddress(world.origin, world.service, purpose, '"><script>'),
      linkAddress(world.origin, world.service, purpose, '').replace('?link=', ''),
    ]) {
      const seen = await new Browser(world.origin).open(wrong)
      expect([wrong, seen.status, seen.text]).toEqual([wrong, 410, expect.not.stringContaining(email)])
      expect(seen.text).not.toContain('<script')
    }
    // Nor does the form of one go to another.
    const page = await new Browser(world.origin).open(url)
    const { text: others } = await linked(purpose, { email: 'bob@north.example' })
    const forged = { ...page, text: page.text.replaceAll(encodeURIComponent(text), others) }
    const answer = await new Browser(world.origin).submit(forged, { new_password: password })
    expect(answer.status).toBe(403)
  })

  test('is none once its person, or their organization, may not come in', async () => {
    const { user, url } = await linked(purpose)
    const page = await new Browser(world.origin).open(url)
    const disabled = await world.change(users, user, { state: { kind: 'disabled', disabledAt: 1 } })
    expect(await new Browser(world.origin).submit(page, { new_password: password })).toMatchObject(isOver)
    await world.change(users, disabled, { state: user.state })
    expect((await new Browser(world.origin).open(url)).status).toBe(200)
    const suspended = { state: { kind: 'suspended', suspendedAt: 1, reason: 'unpaid' } } as const
    await world.change(organizations, world.organization, suspended)
    expect(await new Browser(world.origin).open(url)).toMatchObject(isOver)
    expect(await new Browser(world.origin).submit(page, { new_password: password })).toMatchObject(isOver)
  })

  test('cannot be used by a form of another site', async () => {
    const { url } = await linked(purpose)
    const browser = new Browser(world.origin)
    const page = await browser.open(url)
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }])
      expect((await browser.submit(page, { new_password: password }, headers)).status).toBe(403)
    expect((await browser.post(new URL(url), { new_password: password })).status).toBe(403)
    expect((await browser.submit(page, { new_password: password })).status).toBe(200)
  })
})

test('a reset ends the sessions of the person', async () => {
  const first = await linked('invitation')
  const browser = new Browser(world.origin)
  await choose(first.url, password, browser)
  const code = await browser.submit(await browser.open('/clinic/login'), { email })
  const passwordPage = await browser.submit(code, { code: newestCode() })
  expect((await browser.submit(passwordPage, { password })).text).toContain('(this browser)')
  const user = await world.store.records.find(world.organization.id, users, first.user.id)
  if (user === undefined) throw new Error('nobody')
  const { link, text } = makeLink(
    world.deps,
    user,
    { serviceId: world.service.id, purpose: 'reset' },
    Date.now(),
  )
  await world.add(oneTimeLinks, link)
  later(1)
  await choose(linkAddress(world.origin, world.service, 'reset', text), 'quiet lantern, brass violin')
  expect((await browser.open('/clinic/login')).text).not.toContain('(this browser)')
})
