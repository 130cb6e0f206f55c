import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { arrivalOf } from '../../src/http/arrival.ts'
import { answersHealth, answersReadiness, type ReadinessChecks } from '../../src/http/health.ts'
import { pageAt } from '../../src/http/page-at.ts'
import { type Handler, koaHandler, siteMap } from '../../src/http/site-map.ts'
import { problem, raw, send, serve } from './serving.ts'

const telling: Handler = (request, response) => {
  response.setHeader('Content-Type', 'application/json')
  response.end(JSON.stringify({ ...arrivalOf(request), url: request.url }))
}

describe('every request', () => {
  test.each(['abc', 'A.b_c~d-1', 'x'.repeat(128)])('keeps its X-Request-Id %s', async (id) => {
    const { origin } = await serve(() => telling)
    const answer = await fetch(origin, { headers: { 'X-Request-Id': id } })
    expect(answer.headers.get('x-request-id')).toBe(id)
    expect(await answer.json()).toMatchObject({ requestId: id })
  })

  test.each(['', 'x'.repeat(129), 'a b', 'a,b', '"a"', 'é', '<script>', 'a;b'])(
    'gets a new one for %j',
    async (id) => {
      const { origin } = await serve(() => telling)
      const answer = await fetch(origin, { headers: { 'X-Request-Id': id } })
      expect(answer.headers.get('x-request-id')).toMatch(/^request-\d+$/)
    },
  )

  test.each([
    ['no trusted proxy believes nothing', 0, '198.51.100.7', '127.0.0.1'],
    ['one: the last entry', 1, '203.0.113.9, 198.51.100.7', '198.51.100.7'],
    [
      'two: the last but one, whatever stands left of it',
      2,
      '6.6.6.6, 203.0.113.9, 198.51.100.7',
      '203.0.113.9',
    ],
    ['more than there are entries', 3, '203.0.113.9', '127.0.0.1'],
    ['an entry that is no address', 1, 'unknown', '127.0.0.1'],
    ['an empty entry', 1, '203.0.113.9,', '127.0.0.1'],
    ['v6, in brackets with a port', 1, '[2001:DB8::1]:443', '2001:db8::1'],
    ['v4 with a port', 1, '198.51.100.7:443', '198.51.100.7'],
    ['v4 mapped into v6', 1, '::ffff:198.51.100.7', '198.51.100.7'],
  ])('has an address by trusted hop: %s', async (_, trustedProxies, forwarded, expected) => {
    const { origin } = await serve(() => telling, { trustedProxies })
    const answer = await fetch(origin, { headers: { 'X-Forwarded-For': forwarded } })
    expect(await answer.json()).toMatchObject({ address: expected })
  })
})

describe('the site map', () => {
  const named =
    (name: string): Handler =>
    (_request, response) => {
      response.end(name)
    }
  const map = siteMap({ api: named('api'), 'openapi.json': named('document') }, named('fallback'))

  test.each([
    ['/api', 'api'],
    ['/api/v1', 'api'],
    ['/api?x=/y', 'api'],
    ['/openapi.json', 'document'],
    ['/', 'fallback'],
    ['//api', 'fallback'],
    ['/API', 'fallback'],
    ['/%61pi', 'fallback'],
    ['/apis', 'fallback'],
    ['/clinic/oauth/token', 'fallback'],
    ['http://evil.example/api/v1', 'api'],
    ['http://evil.example', 'fallback'],
    ['*', 'fallback'],
  ])('%s goes to %s', async (path, expected) => {
    const { port } = await serve(() => map)
    expect((await send(port, { path })).text).toBe(expected)
  })

  test.each(['evil.example', 'a b', '[::1]:99999', '"', 'x'.repeat(300)])(
    'Host %j changes nothing',
    async (host) => {
      const { port } = await serve(() => map)
      expect((await send(port, { path: '/api', headers: { Host: host } })).text).toBe('api')
    },
  )
})

describe('a request that is no HTTP', () => {
  const length = 'Content-Length: 1\r\n'
  test.each([
    ['garbage', 'garbage\r\n\r\n', 400],
    ['no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['two lengths that differ', `GET / HTTP/1.1\r\nHost: x\r\n${length}Content-Length: 2\r\n\r\n`, 400],
    ['a length and chunks', `POST / HTTP/1.1\r\nHost: x\r\n${length}Transfer-Encoding: chunked\r\n\r\n`, 400],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n', 400],
    ['headers over their limit', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['a URL over it', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
    ['CONNECT', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n', 405],
    ['headers that never end', 'GET / HTTP/1.1\r\nHost: x\r\n', 408],
  ])('%s is answered with a problem and a request id', async (_, text, status) => {
    const longBody = { idleMs: 200, totalMs: 200 }
    const timeouts = { headersMs: 100, requestMs: 200, checkMs: 20, longBody }
    const { port } = await serve(() => telling, { timeouts })
    const answer = await raw(port, text)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(answer).toMatch(/"request_id":"request-\d+"/)
  })

  test('an unknown expectation is ignored', async () => {
    const { port } = await serve(() => telling)
    expect((await send(port, { path: '/', headers: { Expect: 'miracles' } })).status).toBe(200)
  })

  test('a handler that throws answers 500, whether at once or later', async () => {
    const { origin, log } = await serve(() => (request) => {
      if (request.url === '/now') throw new Error('now')
      return Promise.reject(new Error('later'))
    })
    for (const path of ['/now', '/later'])
      expect(await problem(await fetch(origin + path))).toMatchObject({ status: 500, code: 'internal' })
    expect(log.lines.map(({ level }) => level)).toEqual(['error', 'error'])
  })
})

describe('health', () => {
  const ready: ReadinessChecks = { ping: async () => {}, feedAgeMs: () => 0, isClosing: () => false }
  const serveHealth = (checks: ReadinessChecks) =>
    serve((log) =>
      siteMap(
        { healthz: koaHandler(log, pageAt('/healthz', answersHealth())) },
        koaHandler(log, pageAt('/readyz', answersReadiness(checks))),
      ),
    )

  test('/healthz is 200 whatever the store says', async () => {
    const { origin } = await serveHealth({ ...ready, ping: () => Promise.reject(new Error('gone')) })
    expect(await (await fetch(`${origin}/healthz`)).json()).toEqual({ status: 'ok' })
  })

  test.each([
    ['everything is there', {}, 200, []],
    ['the store is gone', { ping: () => Promise.reject(new Error('gone')) }, 503, ['store']],
    ['the store hangs', { ping: () => new Promise<never>(() => {}) }, 503, ['store']],
    ['the feed is old', { feedAgeMs: () => 5_001 }, 503, ['feed']],
    ['it is shutting down', { isClosing: () => true }, 503, ['shutting_down']],
  ])('/readyz when %s', async (_, checks, status, missing) => {
    const { origin } = await serveHealth({ ...ready, ...checks })
    const answer = await fetch(`${origin}/readyz`)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ missing })
  })
})

describe('closing', () => {
  test('finishes requests under way, refuses new ones, and ends when they are done', async () => {
    const begun = Promise.withResolvers<void>()
    const { origin, server } = await serve(() => async (_request, response) => {
      begun.resolve()
      await pause(100)
      response.end('finished')
    })
    const underWay = fetch(origin)
    await begun.promise
    const closed = server.close(5_000)
    expect(server.isClosing()).toBe(true)
    await expect(fetch(origin)).rejects.toThrow()
    expect(await (await underWay).text()).toBe('finished')
    await closed
  })

  test('ends event streams at once', async () => {
    const { origin, server } = await serve((_log, running) => (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.write('event: heartbeat\n\n')
      running().onClosing(() => response.end())
    })
    const stream = await fetch(origin)
    await server.close(60_000)
    expect(await stream.text()).toBe('event: heartbeat\n\n')
  })

  test('cuts off what is not done after its grace', async () => {
    const begun = Promise.withResolvers<void>()
    const { origin, server } = await serve(() => () => begun.resolve())
    const hanging = fetch(origin)
    await begun.promise
    await Promise.all([server.close(50), expect(hanging).rejects.toThrow()])
  })
})
