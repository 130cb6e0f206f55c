import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Connection } from '../../src/connections/connection.ts'
import { ask, signIn } from './app.ts'
import { Browser, type Seen } from './browser.ts'
import { rightCode, rightPassword } from './fixture.ts'
import { open as openAt, startTenants, type Tenants } from './tenants.ts'

/** Of both organizations, with a password in each. */
const ann = 'ann@both.example'

type Organization = Tenants['world']['organization']

let at: Tenants
let north: Organization
let south: Organization
let norths: Connection
let souths: Connection
beforeAll(async () => {
  at = await startTenants()
  north = at.world.organization
  norths = at.connection
  south = await at.world.addOrganization({ name: 'South practice', slug: 'south' })
  await at.addDomain(south.id, 'south.example')
  souths = await at.addConnection(south.id)
  for (const { id } of [north, south]) await at.world.addUser({ organizationId: id, email: ann })
  await at.world.addUser({ email: 'only@north.example' })
})
afterAll(() => at.stop())

const open = (more: Record<string, string>, browser?: Browser) => openAt(at, more, browser)
/** Through which connection a browser was sent away. */
const sentThrough = ({ url }: Seen) => /con_\w+/.exec(url.searchParams.get('redirect_uri') ?? '')?.[0]
const asksEmail = ({ status, text }: Seen) =>
  expect([status, text]).toEqual([200, expect.stringContaining('name="email"')])
const asksCode = ({ status, text }: Seen) =>
  expect([status, text]).toEqual([200, expect.stringContaining('name="code"')])
const reasons = async (organization: Organization) =>
  (await at.events('person.routed', organization.id)).map(({ details }) => details['reason'])

/** Who has signed in here before, and has no session any more. */
async function returning(email: string) {
  const browser = new Browser(at.world.origin)
  const { seen } = await open({}, browser)
  await signIn(browser, seen, email)
  for (const name of ['latchkey_session_clinic', 'latchkey_session_clinic.sig'])
    await browser.jar.setCookie(`${name}=; Max-Age=0; Path=/`, at.world.origin)
  return browser
}

describe('a person is sent to their organization by what the request says, in this order', () => {
  test('organization, connection, domain_hint, login_hint, what the browser remembers; else a page asks', async () => {
    const remembering = await returning('only@north.example')
    const hints: readonly Record<string, string>[] = [
      { organization: 'south' },
      { connection: souths.id },
      { domain_hint: 'south.example' },
      { login_hint: 'somebody@south.example' },
    ]
    const others: readonly Record<string, string>[] = [
      { organization: north.slug },
      { connection: norths.id },
      { domain_hint: 'clinic.example' },
      { login_hint: 'somebody@clinic.example' },
    ]
    for (const [i, hint] of hints.entries()) {
      // Whatever comes later in the order says something else, the browser too. What comes twice is refused.
      const rest = others.slice(i + 1).filter((other) => !('connection' in other && 'organization' in hint))
      const said = Object.assign({}, ...rest, hint)
      const { seen } = await open(said, remembering)
      expect([hint, sentThrough(seen)]).toEqual([hint, souths.id])
    }
    expect((await reasons(south)).slice(0, 4)).toEqual([
      'login_hint',
      'domain_hint',
      'connection',
      'organization',
    ])
    const remembered = (await open({}, remembering)).seen
    expect(remembered.text).toContain('name="password"')
    expect(remembered.text).toContain('only@north.example')
    expect((await reasons(north))[0]).toBe('remembered')
    asksEmail((await open({})).seen)
  })

  test('an organization by its id, too', async () => {
    expect(sentThrough((await open({ organization: south.id })).seen)).toBe(souths.id)
  })

  test('an address that is typed, by its domain', async () => {
    const { browser, seen } = await open({})
    expect(sentThrough(await browser.submit(seen, { email: 'New.Person@SOUTH.example' }))).toBe(souths.id)
    expect((await reasons(south))[0]).toBe('email')
  })

  test('what is said of one organization is not overruled by an address of another', async () => {
    const { browser, seen } = await open({ organization: 'nobody' })
    asksCode(await browser.submit(seen, { email: 'ana@clinic.example' }))
  })

  test.each([
    ['organization', ['nobody', 'org_00000000000000000000000000', '../south', "south'--", 'a'.repeat(2_000)]],
    ['organization', ['South', 'south/', 'south\u0000', '<script>']],
    ['connection', ['con_00000000000000000000000000', 'x', '../x', '<script>alert(1)</script>']],
    ['domain_hint', ['nobody.example', 'south', '*', 'south.example/x', 'a@south.example', '<b>', '..']],
    ['login_hint', ['ann', '@south.example', '"><script>alert(1)</script>']],
  ])('%s: what is unknown or hostile leads to the page that asks', async (name, values) => {
    for (const value of values) {
      const { seen } = await open({ [name]: value })
      if (value.includes('\u0000')) expect([200, 400]).toContain(seen.status)
      else asksEmail(seen)
      expect(seen.text).not.toMatch(/<script|<b>/)
      expect(sentThrough(seen)).toBeUndefined()
    }
  })

  test('login_hint: an unknown address, and one of a domain without a provider, lead to a code', async () => {
    const pages = []
    for (const email of ['ann@nobody.example', 'ann@north.example', 'only@north.example']) {
      const { seen } = await open({ login_hint: email })
      asksCode(seen)
      pages.push(seen.text.replaceAll(email, 'EMAIL').replaceAll(/[\w-]{20,}/g, 'TOKEN'))
    }
    expect(new Set(pages).size).toBe(1)
  })

  test('a parameter that comes twice is refused, and leads nowhere', async () => {
    const { url } = await ask(at.config)
    for (const name of ['organization', 'connection', 'domain_hint', 'login_hint']) {
      const twice = new URL(url)
      twice.searchParams.append(name, 'south')
      twice.searchParams.append(name, 'south')
      const seen = await new Browser(at.world.origin).open(twice)
      expect([name, sentThrough(seen)]).toEqual([name, undefined])
      expect(seen.url.searchParams.get('error') ?? String(seen.status)).toMatch(/invalid_request|400/)
    }
  })
})

describe('a session in one organization does not answer for another', () => {
  const signedIn = async () => {
    const browser = new Browser(at.world.origin)
    const { seen } = await open({}, browser)
    const consent = await signIn(browser, seen, 'only@north.example')
    expect(consent.text).toContain('name="decision"')
    return browser
  }

  test('the request for another asks again, by each of its words', async () => {
    const browser = await signedIn()
    for (const hint of [
      { organization: 'south' },
      { organization: south.id },
      { connection: souths.id },
      { domain_hint: 'south.example' },
      { login_hint: 'somebody@south.example' },
    ])
      expect([hint, sentThrough((await open(hint, browser)).seen)]).toEqual([hint, souths.id])
    for (const hint of [{ organization: 'nobody' }, { connection: 'con_00000000000000000000000000' }])
      asksEmail((await open(hint, browser)).seen)
  })

  test('it answers for its own', async () => {
    const browser = await signedIn()
    for (const hint of [{}, { organization: north.slug }, { organization: north.id }])
      expect((await open(hint, browser)).seen.text).toContain('name="decision"')
  })

  test('without asking (prompt=none) the app is told, not answered', async () => {
    const browser = await signedIn()
    const { seen } = await open({ organization: 'south', prompt: 'none' }, browser)
    expect(seen.url.searchParams.get('error')).toBe('login_required')
    expect(seen.url.searchParams.has('code')).toBe(false)
  })

  test('whoever signs in where the app did not ask for them does not go back to it', async () => {
    const browser = new Browser(at.world.origin)
    const { seen } = await open({ organization: 'south' }, browser)
    // Sent to the provider of the south; then by the other way on, as somebody of the north alone.
    const uid = /login\/([\w-]+)/.exec(browser.trail.map(({ url }) => url.pathname).join(' '))?.[1]
    expect(sentThrough(seen)).toBe(souths.id)
    const other = await browser.open(`${at.world.issuer}/login/${uid}/other`)
    const code = await browser.submit(other, { email: 'only@north.example' })
    const page = await browser.submit(code, { code: rightCode })
    expect(page.text).toContain('Nobody with this address may sign in here')
  })
})

describe('where several organizations know an address', () => {
  const toChoice = async (more: Record<string, string> = {}) => {
    const { browser, seen } = await open(more)
    const code = await browser.submit(seen, { email: ann })
    return { browser, code, page: await browser.submit(code, { code: rightCode }) }
  }

  test('they are shown only after the address is proven', async () => {
    const { browser, code, page } = await toChoice()
    for (const { answer } of browser.trail) expect(answer.headers.get('location') ?? '').not.toMatch(/org_/)
    expect(code.text).not.toMatch(/South practice|North practice/)
    expect(page.text).toContain('South practice')
    expect(page.text).toContain('North practice')
  })

  test('the chosen one is signed in to, and its trail alone tells why', async () => {
    const before = (await reasons(north)).length
    const { browser, page } = await toChoice()
    const password = await browser.submit(page, { choice: south.id })
    expect(password.text).toContain('South practice')
    const consent = await browser.submit(password, { password: rightPassword })
    expect(consent.text).toContain('South practice')
    expect((await reasons(south))[0]).toBe('choice')
    expect(await reasons(north)).toHaveLength(before)
  })

  test('those that the app did not ask for are not among them', async () => {
    const { browser, seen } = await open({ organization: 'nobody' })
    const code = await browser.submit(seen, { email: ann })
    expect((await browser.submit(code, { code: rightCode })).text).toContain('Nobody with this address')
  })

  test('the only one needs no choice, and its trail tells that the address was proven', async () => {
    const { browser, seen } = await open({})
    const code = await browser.submit(seen, { email: 'only@north.example' })
    const page = await browser.submit(code, { code: rightCode })
    expect(page.text).toContain('name="password"')
    expect((await reasons(north))[0]).toBe('proven_email')
  })

  test('one that they are not in cannot be chosen by a forged form', async () => {
    const other = await at.world.addOrganization({ name: 'Other practice' })
    await at.world.addUser({ organizationId: other.id, email: 'somebody@else.example' })
    const { browser, page } = await toChoice()
    for (const choice of [other.id, at.world.operator.id, 'org_00000000000000000000000000', '', 'x']) {
      expect((await browser.submit(page, { choice })).status).toBe(404)
      expect((await browser.open(page.url)).text).toContain('South practice')
    }
  })

  test('nothing can be chosen before the address is proven', async () => {
    const { browser, seen } = await open({})
    const code = await browser.submit(seen, { email: ann })
    const csrf = /name="csrf" value="([^"]+)"/.exec(code.text)?.[1] ?? ''
    const forged = await browser.post(new URL(`${code.url.pathname}/choice`, code.url), {
      csrf,
      choice: south.id,
    })
    expect([forged.status, forged.text]).toEqual([403, expect.not.stringContaining('South practice')])
    expect((await browser.open(code.url)).text).toContain('name="code"')
  })

  test('a password cannot be given before that either', async () => {
    const { browser, seen } = await open({})
    const code = await browser.submit(seen, { email: ann })
    const csrf = /name="csrf" value="([^"]+)"/.exec(code.text)?.[1] ?? ''
    const where = new URL(`${code.url.pathname}/password`, code.url)
    const forged = await browser.post(where, { csrf, password: rightPassword })
    expect(forged.status).toBe(404)
    expect(await browser.jar.getCookieString(`${at.world.issuer}/login`)).not.toContain('latchkey_session')
  })
})

describe('what the browser remembers', () => {
  const cookieOf = async (browser: Browser) =>
    (await browser.jar.getCookies(at.world.origin)).find(({ key }) => key === 'latchkey_last_clinic')

  test('says nothing once it was changed', async () => {
    const browser = await returning('only@north.example')
    const value = (await cookieOf(browser))?.value ?? ''
    const plain = { organization: south.id, email: ann }
    for (const changed of [
      `${value.slice(0, -4)}AAAA`,
      Buffer.from(JSON.stringify(plain)).toString('base64url'),
      'x',
      '',
    ]) {
      await browser.jar.setCookie(`latchkey_last_clinic=${changed}; Path=/`, at.world.origin)
      asksEmail((await open({}, browser)).seen)
    }
    await browser.jar.setCookie(`latchkey_last_clinic=${value}; Path=/`, at.world.origin)
    expect((await open({}, browser)).seen.text).toContain('name="password"')
  })

  test('is not for another service', async () => {
    await at.world.addService({ slug: 'lab', audience: 'https://api.lab.example' })
    const browser = await returning('only@north.example')
    const { value } = (await cookieOf(browser)) ?? {}
    await browser.jar.setCookie(`latchkey_last_lab=${value}; Path=/`, at.world.origin)
    asksEmail(await browser.open(`${at.world.origin}/lab/login`))
  })

  test('is asked past by who wants another account, and forgotten by who signs out', async () => {
    const browser = await returning('only@north.example')
    asksEmail((await open({ prompt: 'select_account' }, browser)).seen)
    const page = (await open({}, browser)).seen
    await browser.submit(page, { password: rightPassword })
    const own = await browser.open(`${at.world.issuer}/login`)
    const session = /name="session" value="([^"]+)"[^>]*>Sign out/.exec(own.text)?.[1] ?? ''
    await browser.submit(own, { session })
    asksEmail((await open({}, browser)).seen)
  })
})
