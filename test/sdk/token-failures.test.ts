import nock from 'nock'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TokenSource } from '../../src/sdk/held-token.ts'
import { isTokenError } from '../../src/sdk/index.ts'
import { tokenSource } from '../../src/sdk/token-source.ts'
import { guardKey as key } from './latchkey-server.ts'

// What a server of our own on this machine cannot play: other hosts, TLS, a name that is not found.
const first = 'https://id-1.example'
const second = 'https://id-2.example'
const path = '/clinic/oauth/token'
const issued = { access_token: 'a token', token_type: 'Bearer', expires_in: 900 }

let open: TokenSource[]

beforeEach(() => {
  open = []
  nock.disableNetConnect()
})
afterEach(() => {
  for (const source of open) source.close()
  nock.cleanAll()
  nock.enableNetConnect()
})

function source(latchkey: readonly string[]): TokenSource {
  const made = tokenSource(
    { latchkey, service: 'clinic', key },
    {
      monotonic: () => performance.now(),
      random: (count) => new Uint8Array(count),
      fetch: (input, init) => fetch(input, init),
    },
  )
  open.push(made)
  return made
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const failure = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!isTokenError(failure)) throw new Error('it did not fail as a token error', { cause: failure })
  expect(`${failure.stack} ${JSON.stringify(failure)}`).not.toContain(key)
  return failure.code
}

function notFoundByName(): NodeJS.ErrnoException {
  return Object.assign(new Error('getaddrinfo ENOTFOUND id-1.example'), { code: 'ENOTFOUND' })
}

describe('a token source, when the token endpoint fails', () => {
  test('goes to the next server when the name of one is not found', async () => {
    nock(first).post(path).replyWithError(notFoundByName())
    const answered = nock(second).post(path).reply(200, issued)
    expect(await source([first, second]).token()).toBe('a token')
    expect(answered.isDone()).toBe(true)
  })

  test('goes to the next server when something else answers in its place', async () => {
    nock(first).post(path).reply(200, '<html>Sign in to the network</html>', { 'content-type': 'text/html' })
    nock(second).post(path).reply(200, issued)
    expect(await source([first, second]).token()).toBe('a token')
  })

  test('carries the key to no other host: a redirect is not followed', async () => {
    const elsewhere = nock('https://elsewhere.example').post(path).reply(200, issued)
    nock(first)
      .persist()
      .post(path)
      .reply(307, '', { location: `https://elsewhere.example${path}` })
    expect(await codeOf(source([first]).token())).toBe('unreachable')
    expect(elsewhere.isDone()).toBe(false)
  })

  test('does not take a refused key to another server: it is refused there, too', async () => {
    const asked = nock(second).post(path).reply(200, issued)
    nock(first).post(path).reply(401, { error: 'invalid_client' })
    const one = source([first, second])
    expect(await codeOf(one.token())).toBe('invalid_client')
    expect(await codeOf(one.token())).toBe('invalid_client')
    expect(asked.isDone()).toBe(false)
  })

  test.each([
    ['no token', { token_type: 'Bearer', expires_in: 900 }],
    ['another kind of token', { ...issued, token_type: 'DPoP' }],
    ['no life', { ...issued, expires_in: 0 }],
    ['a life that is no number', { ...issued, expires_in: '900' }],
  ])('an answer with %s is none (RFC 6749 §5.1)', async (_what, body) => {
    nock(first).persist().post(path).reply(200, body)
    expect(await codeOf(source([first]).token())).toBe('unexpected_answer')
  })
})
