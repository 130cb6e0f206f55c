import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answerTo, fill, type Ground, metadataOf, requestOf, signingIn, startGround } from './attack.ts'
import { Browser, type Seen } from './browser.ts'
import { askToken, rightCode, rightPassword } from './fixture.ts'

let ground: Ground
beforeAll(async () => {
  ground = await startGround()
})
afterAll(() => ground.stop())

/** Every answer of a sign-in that succeeds, after one wrong password. */
async function wholeWay(): Promise<Browser['trail']> {
  const browser = new Browser(ground.origin)
  const request = requestOf(ground)
  const { password: _right, ...known } = signingIn
  const page = await fill(browser, await browser.open(request.url), known)
  await browser.submit(page, { password: 'not the right one' })
  await answerTo(ground, request, browser)
  return browser.trail
}

describe('RFC 9700 §4.12: redirects after credentials', () => {
  test('every redirect is 303, so that no browser posts a password again', async () => {
    const trail = await wholeWay()
    const redirects = trail.filter(({ answer }) => answer.headers.has('location'))
    expect(redirects.filter(({ method }) => method === 'POST').length).toBeGreaterThan(2)
    expect(redirects.map(({ answer }) => answer.status)).toEqual(redirects.map(() => 303))
  })
})

describe('RFC 9700 §4.2.4, §4.3, §4.16: what browsers are told', () => {
  test('each answer on the way is not stored, not framed, not told as a referrer, and opened to no other origin', async () => {
    for (const { answer, url } of await wholeWay()) {
      const said = Object.fromEntries(
        ['cache-control', 'referrer-policy', 'access-control-allow-origin', 'x-content-type-options'].map(
          (name) => [name, answer.headers.get(name)],
        ),
      )
      expect(said, url.pathname).toEqual({
        'cache-control': 'no-store',
        'referrer-policy': expect.stringMatching(/^(no-referrer|same-origin)$/),
        'access-control-allow-origin': null,
        'x-content-type-options': 'nosniff',
      })
      expect(answer.headers.get('x-frame-options')).toMatch(/^deny$/i)
      expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    }
  })

  test('no password, code or token of a person is in an address on the way', async () => {
    for (const { url } of await wholeWay()) {
      expect(url.href).not.toContain(encodeURIComponent(rightPassword))
      expect(url.searchParams.has('code')).toBe(false)
    }
  })

  test('an answer by form post is not framed either', async () => {
    const browser = new Browser(ground.origin)
    const { url } = requestOf(ground, { response_mode: 'form_post' })
    const answers = { ...signingIn, decision: 'allow' }
    const page = await fill(browser, await browser.open(url), answers)
    expect(page.text).toContain('name="code"')
    expect(page.headers.get('x-frame-options')).toBe('DENY')
    expect(page.headers.get('cache-control')).toBe('no-store')
  })
})

describe('RFC 9700 §2.6: other origins', () => {
  const origin = 'https://evil.example'

  test('may read what is public, and nothing else', async () => {
    const { issuer } = ground
    const allowed = async (path: string) =>
      (await fetch(issuer + path, { headers: { origin } })).headers.get('access-control-allow-origin')
    expect(await allowed('/oauth/authorize')).toBeNull()
    expect(await allowed('/login')).toBeNull()
    // Scripts of another origin get none, whatever secret they hold.
    const token = await askToken(ground, ground.app, {}, { origin })
    expect([token.status, token.headers.get('access-control-allow-origin')]).toEqual([400, null])
  })

  test('no answer lets cookies of another site in', async () => {
    for (const path of ['/oauth/jwks', '/.well-known/openid-configuration', '/oauth/token', '/login']) {
      const answer = await fetch(ground.issuer + path, { headers: { origin }, redirect: 'manual' })
      expect([path, answer.headers.get('access-control-allow-credentials')]).toEqual([path, null])
    }
  })

  test('every address in the metadata is one of the configured origin', async () => {
    const addresses = Object.entries(await metadataOf(ground)).filter(([name]) =>
      /(_endpoint|_uri)$/.test(name),
    )
    expect(addresses.length).toBeGreaterThan(3)
    for (const [name, address] of addresses) expect(`${name} ${address}`).toContain(` ${ground.origin}/`)
  })
})

describe('OAuth 2.1 §7.13: who has an account cannot be asked', () => {
  /** What a page says, without what differs for every request. */
  const said = (page: Seen, email: string) => ({
    status: page.status,
    text: page.text
      .replaceAll(email, 'EMAIL')
      .replaceAll(/[\w-]{20,}/g, (token) => (token.includes('wrapper') ? token : 'TOKEN')),
    headers: [...page.headers.keys()].filter((name) => name !== 'set-cookie').toSorted(),
  })

  test('known, unknown, disabled and invited addresses get the same pages, byte for byte, until they are proven', async () => {
    await ground.addUser({ email: 'disabled@north.example', state: { kind: 'disabled', disabledAt: 1 } })
    await ground.addUser({ email: 'invited@north.example', state: { kind: 'invited' } })
    const pages = []
    for (const who of ['ann', 'nobody', 'disabled', 'invited']) {
      const email = `${who}@north.example`
      const browser = new Browser(ground.origin)
      const first = await fill(browser, await browser.open(requestOf(ground).url), { email })
      const second = await browser.submit(first, { code: '000000' })
      pages.push([said(first, email), said(second, email)])
    }
    for (const other of pages.slice(1)) expect(other).toEqual(pages[0])
  })

  test('a disabled person who has proven the address is told what a stranger is', async () => {
    const texts = []
    for (const email of ['nobody@north.example', 'disabled@north.example']) {
      const browser = new Browser(ground.origin)
      const page = await fill(browser, await browser.open(requestOf(ground).url), { email })
      texts.push(said(await browser.submit(page, { code: rightCode }), email))
    }
    expect(texts[1]).toEqual(texts[0])
  })
})

test('nothing of this was a fault of ours', () => {
  expect(ground.faults).toEqual([])
})
