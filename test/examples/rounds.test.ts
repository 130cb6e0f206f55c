import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Browser, type Page } from '../../examples/clinic/demo/browser.ts'
import { anyFreePort } from '../../examples/clinic/demo/free-port.ts'
import { startIdentityProvider } from '../../examples/identity-provider/identity-provider.ts'
import { startRounds } from '../../examples/rounds/rounds.ts'

const ines = {
  id: 'p-1',
  email: 'ines@harbour-street.example',
  password: 'not a secret <here>',
  name: 'Ines Falk',
  groups: ['doctors'],
}
const Registered = z.object({ client_id: z.string(), client_secret: z.string() })

let issuer: Awaited<ReturnType<typeof startIdentityProvider>>
let rounds: Awaited<ReturnType<typeof startRounds>>
let api: Server
/** What the API answers, by path; each test sets its own. */
let answers: Record<string, { status: number; body: unknown; challenge?: string }>
let asked: { path: string; authorization: string | undefined }[]

beforeAll(async () => {
  const port = await anyFreePort()
  const people = [ines]
  issuer = await startIdentityProvider({ name: 'Harbour Street', people, port: await anyFreePort() })
  const registered = await fetch(`${issuer.issuer}/reg`, {
    method: 'POST',
    headers: { authorization: `Bearer ${issuer.registrationToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      redirect_uris: [`http://localhost:${port}/callback`],
      post_logout_redirect_uris: [`http://localhost:${port}/`],
    }),
  })
  const { client_id: clientId, client_secret: clientSecret } = Registered.parse(await registered.json())
  api = createServer((request, response) => {
    asked.push({ path: request.url ?? '', authorization: request.headers.authorization })
    const { status, body, challenge } = answers[request.url ?? ''] ?? { status: 404, body: {} }
    response.writeHead(status, challenge === undefined ? {} : { 'www-authenticate': challenge })
    response.end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await once(api, 'listening')
  const { port: apiPort } = api.address() as AddressInfo
  const options = { issuer: issuer.issuer, clientId, clientSecret, port }
  rounds = await startRounds({ ...options, api: `http://localhost:${apiPort}` })
})
beforeEach(() => {
  const patient = { id: 'pat-1', name: '<b>Ada</b> Quill', born: '1961-04-12' }
  asked = []
  answers = {
    '/patients': { status: 200, body: [patient] },
    '/patients/pat-1': { status: 200, body: patient },
    '/patients/pat-1/appointments': { status: 200, body: [] },
  }
})
afterAll(() => {
  rounds.close()
  issuer.close()
  api.close()
})

const begin = async (browser: Browser): Promise<Page> =>
  browser.press(await browser.open(rounds.origin), 'Sign in with Clinic records')
const signedIn = async (browser: Browser): Promise<Page> =>
  browser.press(await begin(browser), 'Sign in', { email: ines.email, password: ines.password })
/** Rounds' address of return, with these in place of what the issuer would have answered. */
const callback = (answer: Readonly<Record<string, string>>): string =>
  `${rounds.origin}/callback?${new URLSearchParams(answer)}`
const stateOf = ({ way }: Page): string => new URL(way[1] ?? '').searchParams.get('state') ?? ''

describe('a third party’s app (examples/rounds) at an issuer that is not Latchkey', () => {
  test('signs a person in at the issuer, and calls the API with the token that it got', async () => {
    const browser = new Browser()
    const page = await signedIn(browser)
    expect(page).toMatchObject({ status: 200, title: 'Today’s round', url: `${rounds.origin}/` })
    expect(page.text).toContain(`For ${ines.email}`)
    expect(asked).toEqual([{ path: '/patients', authorization: expect.stringMatching(/^Bearer \S{20,}$/) }])
  })

  test('what the API says is text, never markup', async () => {
    const page = await signedIn(new Browser())
    expect(page.root.querySelector('li b')).toBeNull()
    expect(page.text).toContain('<b>Ada</b> Quill')
  })

  test('asks with state, nonce and a S256 challenge', async () => {
    const { way } = await begin(new Browser())
    const { searchParams } = new URL(way[1] ?? '')
    for (const name of ['state', 'nonce', 'code_challenge'])
      expect(searchParams.get(name)).toMatch(/^\S{43}$/)
    expect(searchParams.get('code_challenge_method')).toBe('S256')
  })

  test.each([
    ['another state', (_: string) => ({ code: 'any', state: 'another', iss: issuer.issuer })],
    ['another issuer (RFC 9207)', (state: string) => ({ code: 'any', state, iss: 'https://other.example' })],
    ['no issuer', (state: string) => ({ code: 'any', state })],
    ['a code of nobody', (state: string) => ({ code: 'any', state, iss: issuer.issuer })],
  ])('takes no answer with %s', async (_, answer) => {
    const browser = new Browser()
    const state = stateOf(await begin(browser))
    const page = await browser.open(callback(answer(state)))
    expect(page).toMatchObject({ status: 400, title: 'You are not signed in' })
    expect((await browser.open(rounds.origin)).title).toBe('Rounds')
    expect(asked).toEqual([])
  })

  test('takes no code that the sign-in of another browser got (PKCE, nonce)', async () => {
    const attacker = await begin(new Browser())
    // Comes back where nobody waits for it: the code is still good.
    const stray = new Browser()
    const atLogin = await stray.open(attacker.way[1] ?? '')
    const spared = await stray.press(atLogin, 'Sign in', { email: ines.email, password: ines.password })
    expect(spared).toMatchObject({ status: 400, title: 'You are not signed in' })
    const code = new URL(spared.url).searchParams.get('code') ?? ''
    expect(code).not.toBe('')
    const victim = new Browser()
    const state = stateOf(await begin(victim))
    const page = await victim.open(callback({ code, state, iss: issuer.issuer }))
    expect(page).toMatchObject({ status: 400, title: 'You are not signed in' })
    expect(asked).toEqual([])
  })

  test('an answer is taken once', async () => {
    const browser = new Browser()
    const { way } = await signedIn(browser)
    const again = await browser.open(way.find((url) => url.includes('/callback?')) ?? '')
    expect(again.status).toBe(400)
  })

  test('says so when the person did not allow it', async () => {
    const browser = new Browser()
    const state = stateOf(await begin(browser))
    const page = await browser.open(callback({ error: 'access_denied', state, iss: issuer.issuer }))
    expect(page.text).toContain('You did not allow it, or your organization does not.')
  })

  test('tells what the API refuses, with its reason and the scope that would do', async () => {
    const browser = new Browser()
    const page = await signedIn(browser)
    const problem = { code: 'insufficient_scope', detail: 'Not with these scopes.' }
    answers['/patients'] = {
      ...{ status: 403, body: problem },
      challenge: 'Bearer error="insufficient_scope", scope="patients:write"',
    }
    const refused = await browser.press(page, 'Take on', { name: 'Bram', born: '1988-11-30' })
    expect(refused).toMatchObject({ status: 403, title: 'Not allowed' })
    expect(refused.text).toContain('Not with these scopes. (insufficient_scope)')
    expect(refused.text).toContain('the scope patients:write')
  })

  test('forgets a token that the API takes no longer', async () => {
    const browser = new Browser()
    await signedIn(browser)
    answers['/patients'] = { status: 401, body: { code: 'token_revoked' } }
    const refused = await browser.open(rounds.origin)
    expect(refused).toMatchObject({ status: 401, title: 'Sign in again' })
    expect((await browser.open(rounds.origin)).title).toBe('Rounds')
  })

  test('signing out ends the session here and goes on to the issuer', async () => {
    const browser = new Browser()
    const there = await browser.press(await signedIn(browser), 'Sign out')
    expect(there.way[1]).toMatch(new RegExp(`^${issuer.issuer}/session/end\\?id_token_hint=`))
    expect((await browser.open(rounds.origin)).title).toBe('Rounds')
    const back = await browser.press(there, 'Sign out')
    expect(back.url).toBe(`${rounds.origin}/`)
    expect((await begin(browser)).title).toBe('Harbour Street')
  })

  test('its cookie is HttpOnly and SameSite=Lax, and never one that was there before', async () => {
    const { headers } = await fetch(`${rounds.origin}/sign-in`, {
      ...{ method: 'POST', redirect: 'manual' },
      headers: { origin: rounds.origin, cookie: 'rounds_session=planted' },
    })
    expect(headers.get('set-cookie')).toMatch(
      /^rounds_session=(?!planted)\S{43}; path=\/; samesite=lax; httponly$/,
    )
  })

  test('takes no form of another site', async () => {
    const forged = { method: 'POST', headers: { origin: 'http://localhost:1' } }
    expect((await fetch(`${rounds.origin}/sign-in`, forged)).status).toBe(403)
  })
})

describe('a customer’s own identity provider (examples/identity-provider)', () => {
  test('a wrong password is told on the form, with the address kept', async () => {
    const browser = new Browser()
    const page = await browser.press(await begin(browser), 'Sign in', {
      email: ines.email,
      password: 'wrong',
    })
    expect(page).toMatchObject({ status: 401, title: 'Harbour Street', fields: ['email', 'password'] })
    expect(page.text).toContain('not an address and password that we know')
    expect(page.root.querySelector('[name=email]')?.getAttribute('value')).toBe(ines.email)
  })

  test('the address of a sign-in opens nothing in another browser', async () => {
    const { url } = await begin(new Browser())
    const page = await new Browser().open(url)
    expect(page.status).toBe(400)
    expect(page.text).toContain('This sign-in has ended.')
  })

  test('registers clients for its administrator alone', async () => {
    const body = JSON.stringify({ redirect_uris: ['http://localhost:1/callback'] })
    const headers = { 'content-type': 'application/json' }
    expect((await fetch(`${issuer.issuer}/reg`, { method: 'POST', headers, body })).status).toBe(401)
  })
})
