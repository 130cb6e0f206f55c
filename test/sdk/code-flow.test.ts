import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  createTokenSource,
  isTokenError,
  type PersonTokenOptions,
  type PersonTokenSource,
} from '../../src/sdk/index.ts'
import { Browser, signIn } from '../oauth/browser.ts'
import { type IssuedKey, startWorld, type World } from '../oauth/fixture.ts'
import { until } from './latchkey-server.ts'

let world: World
let app: IssuedKey
let folder: string
let open: PersonTokenSource[]
/** What the person was shown, in order. */
let shown: URL[]
/** What their browser was shown at the end. */
let told: Response[]

beforeAll(async () => {
  world = await startWorld()
  app = await world.addKey({
    name: 'Backup tool',
    applicationType: 'native',
    redirectUris: ['http://127.0.0.1/callback'],
    authentication: { kind: 'none' },
  })
  await world.addUser()
})
afterAll(() => world.stop())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-sdk-'))
  open = []
  shown = []
  told = []
})
afterEach(async () => {
  for (const source of open) source.close()
  await rm(folder, { recursive: true })
})

/** Signs Ann in and lets the app, in a browser of its own. Answers the address to which the browser is sent. */
async function allow(url: string, decision = 'allow'): Promise<URL> {
  const browser = new Browser(world.origin)
  const consent = await signIn(browser, url)
  return (await browser.submit(consent, { decision })).url
}

type Show = (url: string) => Promise<unknown>
const visit = async (url: URL) => void told.push(await fetch(url))

function source(show: Show, more: Partial<PersonTokenOptions> = {}): PersonTokenSource {
  const made = createTokenSource({
    latchkey: world.origin,
    service: 'clinic',
    clientId: app.key.id,
    signIn: 'browser',
    scope: 'patients:read',
    store: join(folder, 'tokens.json'),
    show: (ask) => {
      shown.push(new URL(ask.url))
      // The program goes on; the person takes their time.
      void show(ask.url)
    },
    ...more,
  })
  open.push(made)
  return made
}
const ofAnn = (more: Partial<PersonTokenOptions> = {}) => source(async (url) => visit(await allow(url)), more)

async function failureOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  )
  if (!isTokenError(error)) throw error ?? new Error('it did not fail')
  return { code: error.code }
}

describe('the code flow of a program on a person’s machine (RFC 8252)', () => {
  test('signs in through a loopback redirect, and says so in the browser (§7.3)', async () => {
    const token = await ofAnn().token()
    expect(decodeJwt(token)).toMatchObject({ client_id: app.key.id, scope: 'patients:read' })
    expect(shown).toHaveLength(1)
    await until('the browser has its answer', () => told.length > 0)
    const [page] = told
    expect(await page?.text()).toContain('You are signed in')
    expect(page?.headers.get('content-security-policy')).toBe("default-src 'none'")
    expect(page?.headers.get('referrer-policy')).toBe('no-referrer')
  })

  test('asks with PKCE S256, a state, and a port of its own (RFC 7636 §4.3, RFC 8252 §8.9)', async () => {
    await ofAnn().token()
    await ofAnn({ store: join(folder, 'other.json') }).token()
    const [one, other] = shown.map((url) => url.searchParams)
    for (const asked of [one, other]) {
      expect(asked?.get('code_challenge_method')).toBe('S256')
      expect(asked?.get('code_challenge')).toMatch(/^[\w-]{43}$/)
      expect(asked?.get('state')).toMatch(/^[\w-]{43}$/)
      expect(asked?.get('redirect_uri')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/)
    }
    for (const name of ['state', 'code_challenge', 'redirect_uri'])
      expect(one?.get(name)).not.toBe(other?.get(name))
  })

  test('passes over what does not carry its state, and still takes the answer (RFC 6749 §10.12)', async () => {
    const strange: number[] = []
    const token = await source(async (url) => {
      const redirect = new URL(new URL(url).searchParams.get('redirect_uri') ?? '')
      const state = new URL(url).searchParams.get('state') ?? ''
      const tries = [
        '/callback?code=x&state=wrong',
        '/callback?code=x',
        `/callback?error=access_denied&state=${state}&state=${state}`,
        `/callback?code=x&code=y&state=${state}`,
        `/else?code=x&state=${state}`,
        '/',
      ]
      for (const path of tries) strange.push((await fetch(new URL(path, redirect))).status)
      strange.push((await fetch(redirect, { method: 'POST' })).status)
      // DNS rebinding: a page elsewhere that has bound its own name to this machine.
      strange.push(await statusOf(redirect, { host: `evil.example:${redirect.port}` }))
      await visit(await allow(url))
    }).token()
    expect(decodeJwt(token)).toHaveProperty('grant_id')
    expect(strange).toEqual([400, 400, 400, 400, 404, 404, 405, 404])
  })

  test('stops at an answer of another issuer, or of none (RFC 9207 §2.4)', async () => {
    for (const iss of ['https://evil.example', undefined]) {
      const one = source(async (url) => {
        const back = await allow(url)
        if (iss === undefined) back.searchParams.delete('iss')
        else back.searchParams.set('iss', iss)
        await visit(back)
      })
      expect(await failureOf(one.token())).toMatchObject({ code: 'unexpected_answer' })
    }
    await until('the browser has its answer', () => told.length > 0)
    expect(await told[0]?.text()).toContain('not signed in')
  })

  test('tells when the person said no, or the server (RFC 6749 §4.1.2.1)', async () => {
    const refused = source(async (url) => visit(await allow(url, 'deny')))
    expect(await failureOf(refused.token())).toMatchObject({ code: 'access_denied' })
    await until('the browser has its answer', () => told.length > 0)
    expect(await told[0]?.text()).toContain('not signed in')
    expect(shown).toHaveLength(1)
  })

  test('asks once more after a refusal only when it is asked for a token again', async () => {
    let decision = 'deny'
    const one = source(async (url) => visit(await allow(url, decision)))
    await failureOf(one.token())
    decision = 'allow'
    expect(decodeJwt(await one.token())).toHaveProperty('grant_id')
    expect(shown).toHaveLength(2)
  })

  test('waits as long as it is told, and listens no more afterwards', async () => {
    const one = source(async () => {}, { waitSecondsMax: 0.05 })
    expect(await failureOf(one.token())).toMatchObject({ code: 'sign_in_timeout' })
    await expect(fetch(shown[0]?.searchParams.get('redirect_uri') ?? '')).rejects.toThrow()
  })

  test('stops waiting when it is closed', async () => {
    const one = source(async () => one.close())
    expect(await failureOf(one.token())).toMatchObject({ code: 'closed' })
  })

  test('asks one person once, however many wait for the token', async () => {
    const one = ofAnn()
    const tokens = await Promise.all([one.token(), one.token(), one.token()])
    expect(new Set(tokens).size).toBe(1)
    expect(shown).toHaveLength(1)
  })

  test('tells when the code is none (RFC 6749 §5.2)', async () => {
    const one = source(async (url) => {
      const back = await allow(url)
      back.searchParams.set('code', 'made-up')
      await visit(back)
    })
    expect(await failureOf(one.token())).toEqual({ code: 'invalid_grant' })
  })

  test('takes an issuer at its word only if that is the one asked for (RFC 8414 §3.3)', async () => {
    const elsewhere = ofAnn({ latchkey: world.origin.replace('127.0.0.1', 'localhost') })
    expect(await failureOf(elsewhere.token())).toMatchObject({ code: 'unexpected_answer' })
    expect(() => ofAnn({ latchkey: 'http://auth.example' })).toThrow(/not HTTPS/)
    expect(shown).toHaveLength(0)
  })
})

describe('what renews a person’s token', () => {
  const file = () => join(folder, 'tokens.json')

  test('is kept for its owner alone, and found again by the next process', async () => {
    await ofAnn().token()
    expect((await stat(file())).mode & 0o777).toBe(0o600)
    const next = ofAnn({ signIn: 'never' })
    expect(decodeJwt(await next.token())).toMatchObject({ scope: 'patients:read' })
    expect(shown).toHaveLength(1)
  })

  test('is exchanged for its successor each time (RFC 9700 §4.14.2)', async () => {
    await ofAnn().token()
    const first = await readFile(file(), 'utf8')
    await ofAnn({ signIn: 'never' }).token()
    const second = await readFile(file(), 'utf8')
    expect(second).not.toBe(first)
    await ofAnn({ signIn: 'never' }).token()
    expect(shown).toHaveLength(1)
  })

  test('is used once, however many callers wait', async () => {
    await ofAnn().token()
    const one = ofAnn({ signIn: 'never' })
    const tokens = await Promise.all(Array.from({ length: 20 }, () => one.token()))
    expect(new Set(tokens).size).toBe(1)
  })

  test('is shared by processes that start together', async () => {
    await ofAnn().token()
    const many = [1, 2, 3].map(() => ofAnn({ signIn: 'never' }))
    const tokens = await Promise.all(many.map((one) => one.token()))
    for (const token of tokens) expect(decodeJwt(token)).toMatchObject({ scope: 'patients:read' })
    expect(decodeJwt(await ofAnn({ signIn: 'never' }).token())).toHaveProperty('grant_id')
  })

  test('does nothing for another client, another issuer, or when it is not what was written', async () => {
    await ofAnn().token()
    const kept = JSON.parse(await readFile(file(), 'utf8'))
    for (const other of [{ client_id: 'key_x' }, { issuer: 'https://x.example' }, { refresh_token: 7 }]) {
      const text = JSON.stringify({ ...kept, ...other })
      const store = { read: async () => text, write: async () => {}, remove: async () => {} }
      const one = ofAnn({ signIn: 'never', store })
      expect(await failureOf(one.token())).toMatchObject({ code: 'sign_in_needed' })
    }
    const broken = { read: async () => 'not JSON', write: async () => {}, remove: async () => {} }
    expect(await failureOf(ofAnn({ signIn: 'never', store: broken }).token())).toMatchObject({
      code: 'sign_in_needed',
    })
  })

  test('is forgotten when the server refuses it, and the person is asked again', async () => {
    const one = ofAnn()
    const { grant_id } = decodeJwt(await one.token())
    const kept = JSON.parse(await readFile(file(), 'utf8'))
    await fetch(`${world.issuer}/oauth/revoke`, {
      method: 'POST',
      body: new URLSearchParams({ token: kept.refresh_token, client_id: app.key.id }),
    })
    expect(await failureOf(ofAnn({ signIn: 'never' }).token())).toMatchObject({ code: 'sign_in_needed' })
    await expect(stat(file())).rejects.toThrow('ENOENT')
    expect(decodeJwt(await ofAnn().token())['grant_id']).not.toBe(grant_id)
    expect(shown).toHaveLength(2)
  })

  test('ends with signing out, at the server too (RFC 7009)', async () => {
    const one = ofAnn()
    await one.token()
    const kept = JSON.parse(await readFile(file(), 'utf8'))
    expect(await one.signOut()).toBe(true)
    await expect(stat(file())).rejects.toThrow('ENOENT')
    const answer = await fetch(`${world.issuer}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: kept.refresh_token,
        client_id: app.key.id,
      }),
    })
    expect(await answer.json()).toMatchObject({ error: 'invalid_grant' })
    expect(await one.signOut()).toBe(false)
    expect(await failureOf(ofAnn({ signIn: 'never' }).token())).toMatchObject({ code: 'sign_in_needed' })
  })

  test('is another after signing in anew', async () => {
    const one = ofAnn()
    await one.token()
    await one.signIn()
    expect(shown).toHaveLength(2)
    expect(decodeJwt(await one.token())).toHaveProperty('grant_id')
  })
})

/** `fetch` sets its own `Host`. */
async function statusOf(url: URL, headers: Record<string, string>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const sent = request(url, { headers }, async (response) => {
    await text(response)
    resolve(response.statusCode ?? 0)
  })
  sent.on('error', reject).end()
  return promise
}
