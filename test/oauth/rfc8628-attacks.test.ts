import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fill, type Ground, outcome, signingIn, startGround } from './attack.ts'
import { Browser, type Seen } from './browser.ts'
import { basic, postToken, startWorld } from './fixture.ts'

let ground: Ground
beforeAll(async () => {
  ground = await startGround()
})
afterAll(() => ground.stop())

interface Device {
  readonly device_code: string
  readonly user_code: string
}

/** A device asks for its codes. */
async function begin(by = ground.app, issuer = ground.issuer): Promise<Device> {
  const answer = await fetch(`${issuer}/oauth/device`, {
    method: 'POST',
    headers: basic(by),
    body: new URLSearchParams({ scope: 'patients:read' }),
  })
  return (await answer.json()) as Device
}

const poll = async ({ device_code }: Device, issuer = ground.issuer) =>
  outcome(
    await postToken(
      { issuer },
      { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code },
      basic(ground.app),
    ),
  )

const browserOf = () => new Browser(ground.origin)

/** The page that asks whether it is the person's own device. */
async function toConfirm(browser: Browser, { user_code }: Device): Promise<Seen> {
  return browser.submit(await browser.open('/clinic/device'), { user_code })
}

const isConfirm = ({ text }: Seen) => text.includes('Is this your device?')

describe('RFC 8628 §5.1: guessing codes', () => {
  test('wrong codes are limited for each address, and what is right is no longer taken there', async () => {
    const small = await startWorld({
      trustedProxies: 1,
      quotas: { wrongUserCodes: { requests: 3, windowSeconds: 60 } },
    })
    try {
      const app = await small.addKey({ redirectUris: ['https://app.example/callback'] })
      const device = await begin(app, small.issuer)
      const guess = async (user_code: string, address: string) => {
        const browser = new Browser(small.origin)
        const from = { 'x-forwarded-for': address, accept: 'text/html' }
        return browser.submit(await browser.open('/clinic/device'), { user_code }, from)
      }
      const statuses: number[] = []
      for (const letter of 'BCDF')
        statuses.push((await guess(`${letter.repeat(4)}-BBBB`, '192.0.2.1')).status)
      expect(statuses).toEqual([200, 200, 200, 429])
      expect(isConfirm(await guess(device.user_code, '192.0.2.1'))).toBe(false)
      expect(isConfirm(await guess(device.user_code, '192.0.2.2'))).toBe(true)
    } finally {
      await small.stop()
    }
  })

  test('right codes, typed as often as one likes, are not limited', async () => {
    const small = await startWorld({ quotas: { wrongUserCodes: { requests: 1, windowSeconds: 60 } } })
    try {
      const app = await small.addKey({ redirectUris: ['https://app.example/callback'] })
      for (let i = 0; i < 3; i++) {
        const browser = new Browser(small.origin)
        const { user_code } = await begin(app, small.issuer)
        const page = await browser.submit(await browser.open('/clinic/device'), { user_code })
        expect(isConfirm(page)).toBe(true)
      }
    } finally {
      await small.stop()
    }
  })

  test('a code has at least 34 bits, of letters that make no words (§6.1)', async () => {
    const { user_code } = await begin()
    expect(user_code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
    expect(Math.log2(20 ** 8)).toBeGreaterThan(34)
  })
})

describe('RFC 8628 §5.2: the device code', () => {
  test('is neither the user code nor found by it, and is unknown at another service', async () => {
    const device = await begin()
    expect(await poll({ ...device, device_code: device.user_code })).toBe('400 invalid_grant')
    await ground.addService({ slug: 'elsewhere' })
    expect(await poll(device, `${ground.origin}/elsewhere`)).toBe('401 invalid_client')
    expect(await poll(device)).toBe('400 authorization_pending')
  })

  test.each(['', 'x', '\0', 'x'.repeat(10_000), '../../x', '__proto__'])(
    'a code %j that is none is refused',
    async (device_code) => {
      expect(await poll({ device_code, user_code: '' })).toMatch(/^400 invalid_(grant|request)$/)
    },
  )
})

describe('RFC 8628 §5.4: remote phishing', () => {
  test('the page warns of codes that somebody has sent, and shows the app and the code before anything else', async () => {
    const device = await begin()
    const page = await toConfirm(browserOf(), device)
    expect(page.text).toContain('Did somebody send you this code?')
    expect(page.text).toContain('Calendar')
    expect(page.text).toContain(device.user_code)
  })

  test('an address with the code in it neither confirms nor signs in: the person types yes', async () => {
    const device = await begin()
    const browser = browserOf()
    await browser.open(`/clinic/login`)
    for (const more of ['', '&confirm=yes', '&confirm=yes&xsrf=x', '&abort=yes']) {
      const page = await browser.open(`/clinic/device?user_code=${device.user_code}${more}`)
      expect(page.text).toContain('Connect a device')
    }
    expect(await poll(device)).toBe('400 authorization_pending')
  })

  test('a person who is signed in and remembered is asked all the same, for each device', async () => {
    const browser = browserOf()
    const first = await begin()
    await fill(browser, await browser.submit(await toConfirm(browser, first), {}), {
      ...signingIn,
      decision: 'allow',
    })
    expect(await poll(first)).toBe('200 granted')
    const second = await begin()
    const page = await toConfirm(browser, second)
    expect(isConfirm(page)).toBe(true)
    expect(await poll(second)).toBe('400 authorization_pending')
  })

  test.each([
    ['no token of the page', ''],
    ['a token that is none', 'x'],
  ])('another site cannot confirm for the person: %s', async (_what, xsrf) => {
    const device = await begin()
    const browser = browserOf()
    const page = await toConfirm(browser, device)
    const answer = await browser.submit(page, { xsrf, csrf: xsrf })
    expect(isConfirm(answer)).toBe(false)
    expect(await poll(device)).toBe('400 authorization_pending')
    expect(isConfirm(await toConfirm(browser, device))).toBe(true)
  })

  test.each<[string, Record<string, string>]>([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a neighbour of this host', { 'sec-fetch-site': 'same-site' }],
    ['an origin that is not ours', { origin: 'https://evil.example' }],
    ['an origin that is hidden', { origin: 'null' }],
  ])('%s cannot send the form, with the right token too', async (_what, headers) => {
    const device = await begin()
    const browser = browserOf()
    const page = await toConfirm(browser, device)
    const answer = await browser.submit(page, {}, headers)
    expect([answer.status, answer.url.origin]).toEqual([403, ground.origin])
    expect(await poll(device)).toBe('400 authorization_pending')
  })
})

describe('RFC 8628 §3.3: one code, one person', () => {
  test('a code of another service is unknown', async () => {
    await ground.addService({ slug: 'library' })
    const device = await begin()
    const browser = browserOf()
    const page = await browser.open('/library/device')
    const answer = await browser.submit(page, { user_code: device.user_code })
    expect(answer.text).toContain('There is no such code')
  })

  test('two people who have the page open cannot both confirm: the second is told, and gets nothing', async () => {
    await ground.addUser({ email: 'bob@north.example' })
    const device = await begin()
    const [ann, bob] = [browserOf(), browserOf()]
    const [anns, bobs] = [await toConfirm(ann, device), await toConfirm(bob, device)]
    const signIn = await ann.submit(anns, {})
    const refused = await bob.submit(bobs, {})
    expect(refused.text).toContain('This code was used before')
    // Nor is the first one's sign-in bob's to finish.
    expect((await bob.open(signIn.url)).status).toBe(404)
    await fill(ann, signIn, { ...signingIn, decision: 'allow' })
    expect(await poll(device)).toBe('200 granted')
  })

  test('who has it half way can neither confirm again nor deny it in another window', async () => {
    const device = await begin()
    const browser = browserOf()
    const page = await toConfirm(browser, device)
    await browser.submit(page, {})
    for (const form of [0, 1])
      expect((await browser.submitForm(form, page)).text).not.toContain('Enter your password')
    const again = await toConfirm(browser, device)
    expect(again.text).toContain('This code was used before')
  })

  test('what was denied cannot be confirmed', async () => {
    const device = await begin()
    const browser = browserOf()
    const page = await toConfirm(browser, device)
    await browser.submitForm(1, page)
    expect((await toConfirm(browser, device)).text).toContain('This code was used before')
    expect(await poll(device)).toBe('400 access_denied')
  })
})

test('nothing of this was a fault of ours', () => {
  expect(ground.faults).toEqual([])
})
