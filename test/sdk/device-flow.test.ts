import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  createTokenSource,
  isTokenError,
  type PersonTokenSource,
  type SignInAsk,
} from '../../src/sdk/index.ts'
import { Browser, type Seen } from '../oauth/browser.ts'
import { rightCode, rightPassword, startWorld } from '../oauth/fixture.ts'
import { until } from './latchkey-server.ts'

/** What a person does who sees the code: types it, says that it is theirs, signs in, lets the app. */
async function enter(origin: string, ask: SignInAsk): Promise<void> {
  if (ask.kind !== 'device') throw new Error('not the device flow')
  const browser = new Browser(origin)
  const typed = await browser.open(ask.url)
  const code = { user_code: ask.userCode, xsrf: xsrfIn(typed) }
  const confirmation = await browser.submit(typed, code)
  const email = await browser.submit(confirmation, { ...code, confirm: 'yes', xsrf: xsrfIn(confirmation) })
  const mailed = await browser.submit(email, { email: 'ann@north.example' })
  const password = await browser.submit(mailed, { code: rightCode })
  const consent = await browser.submit(password, { password: rightPassword })
  await browser.submit(consent, { decision: 'allow' })
}

function xsrfIn({ text }: Seen): string {
  return /name="xsrf" value="([^"]*)"/.exec(text)?.[1] ?? ''
}

describe('the device flow (RFC 8628) at an issuer of ours', () => {
  test('a person enters the code elsewhere, and the program gets a token that it can renew', async () => {
    const world = await startWorld()
    const { key } = await world.addKey({
      applicationType: 'native',
      redirectUris: ['http://127.0.0.1/callback'],
      authentication: { kind: 'none' },
    })
    await world.addUser()
    let shown: SignInAsk | undefined
    let kept: string | undefined
    const trouble: unknown[] = []
    const source = createTokenSource({
      latchkey: world.origin,
      service: 'clinic',
      clientId: key.id,
      signIn: 'device',
      scope: 'patients:read',
      store: {
        read: async () => kept,
        write: async (text) => {
          kept = text
        },
        remove: async () => {
          kept = undefined
        },
      },
      waitSecondsMax: 20,
      show: (ask) => {
        shown = ask
        void enter(world.origin, ask).catch((error: unknown) => trouble.push(error))
      },
    })
    const token = await source.token().finally(() => expect(trouble).toEqual([]))
    expect(decodeJwt(token)).toMatchObject({ client_id: key.id, scope: 'patients:read' })
    expect(shown).toMatchObject({
      kind: 'device',
      url: expect.stringContaining(`${world.issuer}/`),
      userCode: expect.stringMatching(/^\w{4}-\w{4}$/),
      completeUrl: expect.stringContaining('user_code='),
    })
    const before = kept
    source.drop(await source.token())
    expect(decodeJwt(await source.token())).toHaveProperty('grant_id')
    expect(kept).not.toBe(before)
    source.close()
    await world.stop()
  })
})

describe('polling (RFC 8628 §3.4 and §3.5)', () => {
  let server: Server
  let issuer: string
  let asked: { path: string; form: URLSearchParams; at: number }[]
  let device: Record<string, unknown>
  let answers: ((response: ServerResponse) => void)[]
  let source: PersonTokenSource
  let shown: SignInAsk[]

  beforeEach(async () => {
    asked = []
    shown = []
    answers = []
    server = createServer((request, response) => void respond(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    // Sound: it listens on an address, not on a pipe.
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    device = {
      device_code: 'the-device-code',
      user_code: 'BCDF-GHJK',
      verification_uri: `${issuer}/device`,
      expires_in: 600,
      interval: 1,
    }
    source = createTokenSource({
      issuer,
      clientId: 'tool',
      signIn: 'device',
      scope: 'a b',
      resource: 'https://api.example',
      show: (ask) => void shown.push(ask),
      waitSecondsMax: 30,
    })
  })
  afterEach(() => {
    source.close()
    server.closeAllConnections()
    server.close()
  })

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ''
    const form = new URLSearchParams(await text(request))
    if (path.startsWith('/.well-known/')) {
      if (!path.endsWith('/oauth-authorization-server')) return send(response, 404, {})
      return send(response, 200, {
        issuer,
        token_endpoint: `${issuer}/token`,
        device_authorization_endpoint: `${issuer}/device-code`,
      })
    }
    asked.push({ path, form, at: performance.now() })
    if (path === '/device-code') return send(response, 200, device)
    const answer = answers.shift()
    if (answer === undefined) return send(response, 400, { error: 'authorization_pending' })
    answer(response)
  }
  const fails = (error: string) => (response: ServerResponse) =>
    send(response, 400, { error, error_description: 'no, the-device-code' })
  const issues = (response: ServerResponse) =>
    send(response, 200, { access_token: 'at', token_type: 'Bearer', expires_in: 900 })
  const gaps = () => {
    const times = asked.filter(({ path }) => path === '/token').map(({ at }) => at)
    return times.slice(1).map((at, i) => Math.round((at - (times[i] ?? 0)) / 1000))
  }
  async function failure() {
    const error = await source.token().catch((e: unknown) => e)
    if (!isTokenError(error)) throw new Error('it did not fail', { cause: error })
    return error
  }

  test('asks for the code with its own id alone, and polls with the code', async () => {
    answers = [fails('authorization_pending'), issues]
    expect(await source.token()).toBe('at')
    expect(Object.fromEntries(asked[0]?.form ?? [])).toEqual({
      client_id: 'tool',
      scope: 'a b',
      resource: 'https://api.example',
    })
    expect(Object.fromEntries(asked[1]?.form ?? [])).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: 'the-device-code',
      client_id: 'tool',
    })
    expect(gaps()).toEqual([1])
    expect(shown).toEqual([
      { kind: 'device', url: `${issuer}/device`, userCode: 'BCDF-GHJK', expiresInSeconds: 600 },
    ])
  })

  test('polls five seconds slower each time it is told to', async () => {
    answers = [fails('slow_down'), issues]
    expect(await source.token()).toBe('at')
    expect(gaps()).toEqual([6])
  })

  test('polls half as often when nothing answers', async () => {
    answers = [(response) => response.destroy(), issues]
    expect(await source.token()).toBe('at')
    expect(gaps()).toEqual([2])
  })

  test.each(['access_denied', 'expired_token'])(
    'ends with %s, without the code in the error',
    async (code) => {
      answers = [fails(code)]
      const error = await failure()
      expect(error.code).toBe(code)
      expect(`${error.stack} ${JSON.stringify(error)}`).not.toContain('the-device-code')
      expect(shown).toHaveLength(1)
    },
  )

  test('ends with the code, and asks no more', async () => {
    device = { ...device, expires_in: 2 }
    expect(await failure()).toMatchObject({ code: 'expired_token' })
    expect(asked.filter(({ path }) => path === '/token').length).toBe(2)
  })

  test('ends when it is closed', async () => {
    const token = failure()
    await until('the code is shown', () => shown.length > 0)
    source.close()
    expect(await token).toMatchObject({ code: 'closed' })
  })

  test.each([
    ['without a device code', { device_code: undefined }],
    ['without a user code', { user_code: undefined }],
    ['without a life', { expires_in: undefined }],
    ['with an interval that is no number', { interval: '5' }],
    ['that would have the person open a script', { verification_uri: 'javascript:alert(1)' }],
  ])('does not take an answer %s', async (_name, more) => {
    device = { ...device, ...more }
    expect(await failure()).toMatchObject({ code: 'unexpected_answer' })
    expect(shown).toHaveLength(0)
  })

  test('tells where the issuer has no such flow', async () => {
    const browser = createTokenSource({
      issuer,
      clientId: 'tool',
      signIn: 'browser',
      scope: 'a',
      show: () => {},
    })
    await expect(browser.token()).rejects.toThrow(`${issuer} has no authorization endpoint`)
    browser.close()
  })
})

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
