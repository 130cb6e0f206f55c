import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { expectClear, timed } from './clear-refusal.ts'
import { askToken, type Call, type Reply, sendAsWritten } from './client.ts'
import { startDeployment } from './deployment.ts'
import { absent, type DocumentedOperation, documentedOperations, pathOf } from './operations.ts'

const deployment = await startDeployment()
afterAll(() => deployment.stop())
const { address, operator, lines } = deployment
await operator.importClinic()
const ours = await operator.makeOrganization('Ours')
const key = await operator.makeKey(ours, { role: 'patients:read' })
const token = await operator.token()
const all = await documentedOperations(address)
const operations = all.filter(({ template }) => template.startsWith('/api/v1/'))
const named = operations.map((operation) => [`${operation.method} ${operation.template}`, operation] as const)

const json = { 'content-type': 'application/json' }
const existing = { organization: ours, entitled_organization: ours, service: 'clinic', key: key.id }

function call(operation: DocumentedOperation, path: string, more: Call = {}): Promise<Reply> {
  const what = `${operation.method} ${path}`
  const { body, headers = {} } = more
  const text = typeof body === 'string' ? { body } : body === undefined ? {} : { body: JSON.stringify(body) }
  const type = body === undefined || typeof body === 'string' ? headers : { ...json, ...headers }
  return timed(what, () => sendAsWritten(address, operation.method, path, { token, ...text, headers: type }))
}

const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`
const deepObject = `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`

const badQueries = {
  'an unknown parameter': 'nonsense=1',
  'one that is there twice': 'nonsense=1&nonsense=2',
  'NUL in a value': 'nonsense=a%00b',
  'NUL in a name': 'a%00b=1',
  'broken percent-encoding': 'nonsense=%zz',
  'bytes that are not UTF-8': 'nonsense=%ff%fe',
  'the name of what every object has': '__proto__=1',
  'a very long value': `nonsense=${'x'.repeat(8_000)}`,
}

const badBodies = {
  'what is not JSON': '{"name":',
  'JSON of depth 10,000': deep,
  'objects of depth 10,000': deepObject,
  'a list': '[]',
  'a number': '1',
  'an unknown member': '{"nonsense":1}',
  'a member twice': '{"name":"a","name":"b"}',
  __proto__: '{"__proto__":{"name":"x"}}',
  'NUL in a value': '{"name":"a\\u0000b"}',
  'half a surrogate pair': '{"name":"\\ud800"}',
  'more than a megabyte': JSON.stringify({ name: 'x'.repeat(1_100_000) }),
}

const garbageIds = {
  empty: '%20',
  NUL: '%00',
  'a slash': '%2F',
  'dots, encoded': '%2e%2e',
  'a percent sign, twice encoded': '%2500',
  'a semicolon': 'a;b=c',
  'not UTF-8': '%ff',
  'very long': 'a'.repeat(5_000),
  'upper case': 'ORG_00000000000000000000000000',
  'another prefix': 'evt_00000000000000000000000000',
  'a word of JavaScript': 'constructor',
}

describe.each(named)('%s', (_, operation) => {
  test.each(Object.entries(badQueries))('refuses in its query %s', async (_, query) => {
    expectClear(await call(operation, `${pathOf(operation, existing)}?${query}`), query, [400])
  })

  test('refuses each of its query parameters twice, with NUL, and too long', async () => {
    const path = pathOf(operation, existing)
    for (const name of operation.queryParameters)
      for (const query of [`${name}=1&${name}=1`, `${name}=%00`, `${name}=${'9'.repeat(2_000)}`])
        expectClear(await call(operation, `${path}?${query}`), query)
  })

  test.each(Object.entries(badBodies))('refuses as its body %s', async (_, body) => {
    if (operation.method === 'GET') return
    const path = pathOf(operation, existing)
    expectClear(await call(operation, path, { body, headers: json }), body.slice(0, 40))
  })

  test('refuses members of the wrong type, each by its place', async () => {
    const { example } = operation
    if (typeof example !== 'object' || example === null) return
    for (const name of Object.keys(example))
      for (const wrong of [null, 1e308, true, 'x'.repeat(3_000), [[]], { a: {} }]) {
        const body = { ...example, [name]: wrong }
        if (name === 'compromised' && wrong === true) continue
        const reply = await call(operation, pathOf(operation, existing), { body })
        expectClear(reply, `${name}: ${JSON.stringify(wrong).slice(0, 40)}`)
        expect(reply.text).not.toContain('x'.repeat(200))
      }
  })

  test('refuses a body of another type', async () => {
    if (!operation.takesBody) return
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    expectClear(
      await call(operation, pathOf(operation, existing), { body: 'a=b', headers }),
      'a form',
      [400, 415],
    )
    const zipped = { ...json, 'content-encoding': 'gzip' }
    const reply = await call(operation, pathOf(operation, existing), {
      body: '{"name":"x"}',
      headers: zipped,
    })
    expectClear(reply, 'not gzip', [400, 415])
  })

  test.each(Object.entries(garbageIds))('refuses in its path %s', async (_, garbage) => {
    for (const name of operation.parameters) {
      const path = pathOf(operation, { ...existing, [name]: garbage })
      expectClear(await call(operation, path), path.slice(0, 100), [400, 404, 405, 414, 415, 431])
    }
  })

  test('is not found in another letter case, or with a slash too many', async () => {
    const path = pathOf(operation, existing)
    const upper = operation.template
      .split('/')
      .map((part) => (part.startsWith('{') ? part : part.toUpperCase()))
    const shouted = pathOf({ template: upper.join('/') }, existing)
    for (const other of [
      shouted,
      `${path}/`,
      path.replace('/v1/', '/v1//'),
      path.replace('/v1/', '/./v1/%2e/'),
    ])
      expectClear(await call(operation, other), other, [400, 404, 415])
  })

  test('refuses a version and an idempotency key that are none', async () => {
    if (operation.method === 'GET') return
    const body = operation.takesBody ? { body: operation.example ?? '{}' } : {}
    const type = operation.takesDocument ? json : {}
    const bad = [
      { 'if-match': 'yesterday' },
      { 'idempotency-key': 'x'.repeat(300) },
      { 'idempotency-key': 'a b' },
    ]
    // On what is not there, so that none of it is done even if it were not refused.
    for (const headers of bad)
      expectClear(
        await call(operation, pathOf(operation), { ...body, headers: { ...type, ...headers } }),
        'headers',
      )
  })
})

describe.each([
  ['token', 'POST', '/clinic/oauth/token'],
  ['token of no service', 'POST', '/nowhere-1/oauth/token'],
  ['bundle', 'GET', '/clinic/bundle'],
  ['facts', 'POST', '/clinic/facts'],
  ['decisions', 'POST', '/clinic/decisions'],
  ['resources', 'POST', '/clinic/resources'],
  ['JWKS', 'GET', '/clinic/oauth/jwks'],
  ['discovery', 'GET', '/clinic/.well-known/openid-configuration'],
  ['discovery, RFC 8414', 'GET', '/.well-known/oauth-authorization-server/clinic'],
  ['health', 'GET', '/healthz'],
  ['readiness', 'GET', '/readyz'],
  ['document', 'GET', '/openapi.json'],
  ['reference', 'GET', '/docs'],
])('the %s endpoint', (_, method, path) => {
  const ask = (
    how: string,
    target: string,
    more: { readonly body?: string; readonly headers?: Record<string, string> } = {},
  ) => timed(`${how} ${target}`, () => sendAsWritten(address, how, target, more))

  test('never fails or hangs, whatever is sent', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const replies = [
      ...Object.values(badQueries).map((query) => ask(method, `${path}?${query}`)),
      ...['PUT', 'DELETE', 'PATCH', 'PROPFIND', 'POST'].map((other) => ask(other, path)),
      ...Object.values(garbageIds).map((garbage) => ask(method, path.replace('clinic', garbage))),
      ...[`${path}/`, `/${path}`, `${path}//`, `${path}%00`, `${path}/%2e%2e/x`].map((one) =>
        ask(method, one),
      ),
      ...(method === 'GET' ? [] : Object.values(badBodies)).flatMap((body) => [
        ask(method, path, { body, headers: json }),
        ask(method, path, { body, headers: form }),
      ]),
    ]
    for (const reply of await Promise.all(replies)) {
      expect(reply.status, reply.text.slice(0, 200)).toBeLessThan(500)
      expect(reply.headers.get('x-request-id')).toMatch(/^req_/)
    }
  })
})

test('a service cannot have a reserved slug', async () => {
  const clinic = readFileSync(new URL('../../examples/clinic/openapi.yaml', import.meta.url), 'utf8')
  const reserved = [
    'api',
    'docs',
    'healthz',
    'readyz',
    'static',
    'connections',
    'console',
    'metrics',
    'latchkey',
  ]
  for (const slug of [
    ...reserved,
    'login',
    'logout',
    'oauth',
    'admin',
    'assets',
    'openapi.json',
    'A',
    '../x',
    'a b',
    'ab',
    '-ab',
    '',
  ])
    expectClear(
      await operator.try('POST', `/services?slug=${encodeURIComponent(slug)}`, clinic, {
        'content-type': 'application/yaml',
      }),
      `the slug ${slug}`,
      [400, 409, 422],
    )
})

test('after all of that nothing has failed on this side, and nothing has changed', async () => {
  expect(lines.filter((line) => line.includes('"level":"error"'))).toEqual([])
  expect((await operator.do('GET', `/organizations/${ours}`)).json).toMatchObject({
    name: 'Ours',
    state: 'active',
  })
  expect((await operator.try('GET', `/organizations/${absent('organization')}`)).status).toBe(404)
  expect((await askToken(address, key, 'clinic')).status).toBe(200)
})
