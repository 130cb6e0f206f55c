import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TokenSource } from '../../src/sdk/held-token.ts'
import { createTokenSource, isTokenError } from '../../src/sdk/index.ts'
import { type TokenSourceOptions, tokenSource } from '../../src/sdk/token-source.ts'
import { guardKey as key, until } from './latchkey-server.ts'

const clientId = 'key_01jz0000000000000000000000'
let server: Server
let endpoint: string
let asked: { authorization: string; body: string }[]
let answer: (response: ServerResponse, count: number) => void
let laterMs: number
let open: TokenSource[]

beforeEach(async () => {
  asked = []
  laterMs = 0
  open = []
  answer = (response, count) => issue(response, `token-${count}`)
  server = createServer((request, response) => void respond(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // Sound: it listens on an address, not on a pipe.
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/clinic/oauth/token`
})
afterEach(() => {
  for (const source of open) source.close()
  server.closeAllConnections()
  server.close()
})

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  asked.push({ authorization: request.headers.authorization ?? '', body: await text(request) })
  answer(response, asked.length)
}

function issue(response: ServerResponse, token: string, expiresIn = 900): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: expiresIn }))
}

function refuse(response: ServerResponse, status: number, error: string, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify({ error, error_description: `no, ${key}` }))
}

function source(options: Partial<TokenSourceOptions> = {}): TokenSource {
  const made = tokenSource(
    { tokenEndpoint: endpoint, key, ...options },
    {
      monotonic: () => performance.now() + laterMs,
      random: (count) => new Uint8Array(count),
      fetch: (input, init) => fetch(input, init),
    },
  )
  open.push(made)
  return made
}

async function failureOf(
  promise: Promise<unknown>,
): Promise<{ code: string; message: string; text: string }> {
  try {
    await promise
  } catch (error) {
    if (!isTokenError(error)) throw error
    return { code: error.code, message: error.message, text: `${error.stack} ${JSON.stringify(error)}` }
  }
  throw new Error('it did not fail')
}

describe('a token source', () => {
  test('authenticates with Basic, both halves form-encoded (RFC 6749 §2.3.1)', async () => {
    expect(await source().token()).toBe('token-1')
    expect(asked[0]?.authorization).toBe(`Basic ${btoa(`${clientId}:${key}`)}`)
    expect(asked[0]?.body).toBe('grant_type=client_credentials')
    await source({ clientId: 'a:b c', key: 'p:ö %', scope: 'patients:read exports' }).token()
    expect(asked[1]?.authorization).toBe(`Basic ${btoa('a%3Ab+c:p%3A%C3%B6+%25')}`)
    expect(asked[1]?.body).toBe('grant_type=client_credentials&scope=patients%3Aread+exports')
  })

  test('finds the endpoint from the server and the service', async () => {
    const made = createTokenSource({ latchkey: `${new URL(endpoint).origin}/`, service: 'clinic', key })
    open.push(made)
    expect(await made.token()).toBe('token-1')
  })

  test('of an assumed role gets a token of its own and exchanges it (RFC 8693), narrowed by the scope', async () => {
    const assumption = 'asm_01jz0000000000000000000000'
    const resource = 'https://api.clinic.example'
    const made = source({ assumption, scope: 'patients:read', resource })
    expect(await made.token()).toBe('token-2')
    expect(asked.map(({ body }) => Object.fromEntries(new URLSearchParams(body)))).toEqual([
      { grant_type: 'client_credentials', resource },
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        ...{ subject_token: 'token-1', subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' },
        ...{ assumption, scope: 'patients:read', resource },
      },
    ])
    expect(await made.token()).toBe('token-2')
    expect(asked).toHaveLength(2)
    expect(() => source({ assumption: 'rol_1' })).toThrow(TypeError)
  })

  test('of an assumed role asks again later for what is not given now, and tells nobody its own token', async () => {
    answer = (response, count) =>
      asked.at(-1)?.body.includes('token-exchange') === true
        ? response
            .writeHead(400, { 'content-type': 'application/json' })
            .end('{"error":"invalid_target","error_description":"no, own-token"}')
        : issue(response, count < 3 ? 'own-token' : `token-${count}`)
    const made = source({ assumption: 'asm_01jz0000000000000000000000' })
    const failure = await failureOf(made.token())
    expect(failure.code).toBe('invalid_target')
    expect(failure.message).not.toContain('own-token')
    expect(asked).toHaveLength(2)
    await failureOf(made.token())
    expect(asked).toHaveLength(2)
    answer = (response, count) => issue(response, `token-${count}`)
    laterMs = 6_000
    expect(await made.token()).toBe('token-4')
  })

  test('asks once, however many wait, and keeps the token', async () => {
    const one = source()
    expect(new Set(await Promise.all(Array.from({ length: 50 }, () => one.token())))).toEqual(
      new Set(['token-1']),
    )
    expect(await one.token()).toBe('token-1')
    expect(asked.length).toBe(1)
  })

  test('refreshes ahead of the end, and serves the old token meanwhile', async () => {
    const one = source()
    await one.token()
    laterMs = 600_000
    expect(await one.token()).toBe('token-1')
    expect(asked.length).toBe(1)
    laterMs = 800_000
    expect(await one.token()).toBe('token-1')
    await until('the next token is there', async () => (await one.token()) === 'token-2')
    expect(asked.length).toBe(2)
  })

  test('serves the old token while a refresh fails, and tells of it only when that has ended', async () => {
    const one = source()
    await one.token()
    answer = (response) => refuse(response, 503, 'temporarily_unavailable')
    laterMs = 800_000
    expect(await one.token()).toBe('token-1')
    await until('the refresh was tried', () => asked.length > 1)
    expect(await one.token()).toBe('token-1')
    laterMs = 901_000
    expect(await failureOf(one.token())).toMatchObject({ code: 'temporarily_unavailable' })
  })

  test('does not hand out a token that the server refused', async () => {
    const one = source()
    one.drop(await one.token())
    expect(await one.token()).toBe('token-2')
  })

  test('tries again after a failure that can pass, with a pause', async () => {
    answer = (response, count) => (count < 3 ? response.destroy() : issue(response, 'at last'))
    expect(await source().token()).toBe('at last')
  })

  test('sends nothing more while it backs off', async () => {
    answer = (response) => refuse(response, 503, 'temporarily_unavailable')
    const one = source()
    await failureOf(one.token())
    const before = asked.length
    await failureOf(one.token())
    await failureOf(one.token())
    expect(asked.length).toBe(before)
  })

  test('honours Retry-After', async () => {
    answer = (response) => refuse(response, 429, 'slow_down', { 'retry-after': '20' })
    const one = source()
    expect(await failureOf(one.token())).toMatchObject({ code: 'rate_limited' })
    expect(asked.length).toBe(1)
    laterMs = 19_000
    expect(await failureOf(one.token())).toMatchObject({ code: 'rate_limited' })
    expect(asked.length).toBe(1)
    answer = (response) => issue(response, 'later')
    laterMs = 20_500
    expect(await one.token()).toBe('later')
  })

  test('does not ask again with a refused key, until the key is another', async () => {
    answer = (response) => refuse(response, 401, 'invalid_client')
    let current = key
    const one = source({ key: () => current })
    expect(await failureOf(one.token())).toMatchObject({ code: 'invalid_client' })
    laterMs = 3_600_000
    expect(await failureOf(one.token())).toMatchObject({ code: 'invalid_client' })
    expect(asked.length).toBe(1)
    current = key.replace('kkk', 'rrr')
    answer = (response) => issue(response, 'rotated')
    expect(await one.token()).toBe('rotated')
  })

  test('never puts the key into an error', async () => {
    answer = (response) => refuse(response, 401, 'invalid_client')
    expect((await failureOf(source().token())).text).not.toContain(key)
    const broken = { key: `${key}!`, tokenEndpoint: 'https://auth.example' }
    expect(() => source(broken)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining(key) }),
    )
  })

  test.each([
    ['no JSON', 'hello'],
    ['no life', JSON.stringify({ access_token: 'x', token_type: 'Bearer' })],
    ['another type', JSON.stringify({ access_token: 'x', token_type: 'DPoP', expires_in: 60 })],
  ])('does not take an answer with %s for a token', async (_name, body) => {
    answer = (response) => void response.writeHead(200).end(body)
    expect(await failureOf(source().token())).toMatchObject({ code: 'unexpected_answer' })
  })

  test('does not follow a redirect with the key', async () => {
    answer = (response) => void response.writeHead(307, { location: `${endpoint}/else` }).end()
    expect(await failureOf(source().token())).toMatchObject({ code: 'unreachable' })
  })

  test('tries the next server when one cannot be reached', async () => {
    const one = source({ tokenEndpoint: ['http://127.0.0.1:1/token', endpoint] })
    expect(await one.token()).toBe('token-1')
  })

  test('sends no key over plain HTTP to another machine, unless told to', () => {
    expect(() => source({ tokenEndpoint: 'http://auth.example/token' })).toThrow(/not HTTPS/)
    const allowed = { tokenEndpoint: 'http://auth.example/token', sendKeyOverPlainHttp: true } as const
    expect(() => source(allowed)).not.toThrow()
  })

  test('is of no use once closed', async () => {
    const one = source()
    one.close()
    expect(await failureOf(one.token())).toMatchObject({ code: 'closed' })
  })
})
