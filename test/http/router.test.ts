import { describe, expect, test } from 'vitest'
import { noteRoutes } from './notes.ts'
import {
  clinicId,
  json,
  keyId,
  memoryIdempotencyKeys,
  operatorId,
  problem,
  send,
  serveApi,
  strangerId,
  tokens,
} from './serving.ts'

const notes = `/organizations/${clinicId}/notes`
const bearer = { Authorization: `Bearer ${tokens.admin}` }

async function makeNote(
  call: Awaited<ReturnType<typeof serveApi>>['call'],
  title = 'first',
): Promise<string> {
  const made = await call(notes, json('POST', { title }))
  expect(made.status).toBe(201)
  const location = made.headers.get('location') ?? ''
  return location.slice('/api/v1'.length)
}

/** A problem without what may differ between two answers that must not be told apart. */
async function alike(response: Response): Promise<string> {
  const text = await response.text()
  const headers = [...response.headers].filter(
    ([name]) => !['date', 'x-request-id', 'ratelimit'].includes(name),
  )
  return JSON.stringify([response.status, headers, text.replace(/"request_id":"[^"]+"/, '')])
}

describe('the management API', () => {
  test('answers what a route makes with its status, ETag, Location, request id and no-store', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    const made = await call(notes, json('POST', { title: 'first' }, { 'X-Request-Id': 'mine-1' }))
    expect(made.status).toBe(201)
    expect(made.headers.get('etag')).toBe('"1"')
    expect(made.headers.get('x-request-id')).toBe('mine-1')
    expect(made.headers.get('cache-control')).toBe('no-store')
    expect(made.headers.get('x-content-type-options')).toBe('nosniff')
    expect(made.headers.get('content-type')).toBe('application/json; charset=utf-8')
    const location = made.headers.get('location')?.slice('/api/v1'.length) ?? ''
    const read = await call(location)
    // `version` is of the stored document; the schema of the answer does not name it, so it does not leave.
    expect(await read.json()).toEqual({ id: expect.stringMatching(/^key_/), title: 'first', labels: [] })
  })

  test('answers 204 without a body', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    const gone = await call(await makeNote(call), { method: 'DELETE' })
    expect(gone.status).toBe(204)
    expect(await gone.text()).toBe('')
  })

  test('answers HEAD as GET without the body', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    const head = await call(await makeNote(call), { method: 'HEAD' })
    expect(head.status).toBe(200)
    expect(head.headers.get('etag')).toBe('"1"')
    expect(await head.text()).toBe('')
  })

  test('sends no CORS header, not even to a preflight', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    const preflight = await call(notes, { method: 'OPTIONS', headers: { Origin: 'https://evil.example' } })
    expect(preflight.status).toBe(405)
    expect([...preflight.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  test('a literal segment comes before a parameter, whatever the order of the routes', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    expect(await (await call(`${notes}/search?text=a%20b`)).json()).toEqual({ found: 'a b' })
  })
})

describe('paths and methods', () => {
  test.each([
    ['another letter case', `/Organizations/${clinicId}/notes`],
    ['a trailing slash', `${notes}/`],
    ['an empty segment', `/organizations//${clinicId}/notes`],
    ['an encoded literal', `/%6frganizations/${clinicId}/notes`],
    ['an encoded slash', `/organizations%2F${clinicId}/notes`],
    ['nothing that is there', '/nothing'],
  ])('%s is 404', async (_, path) => {
    const { port } = await serveApi(noteRoutes().routes)
    const answer = await send(port, { path: `/api/v1${path}`, headers: bearer })
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([404, 'not_found'])
  })

  test('a method that the path does not have is 405 with Allow', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    const refused = await call(notes, { method: 'DELETE' })
    expect(refused.headers.get('allow')).toBe('GET, HEAD, POST')
    expect(await problem(refused)).toMatchObject({ status: 405, code: 'method_not_allowed' })
  })

  test('a path that was decided as one operation never runs another', async () => {
    const { routes, runs } = noteRoutes()
    const principal = {
      kind: 'key',
      id: 'key_x',
      organizationId: clinicId,
      requestId: 'r',
      address: '',
      holds: () => true,
    } as const
    const authenticate = async () => ({ kind: 'allowed', operationId: 'listNotes', principal }) as const
    const { call, log } = await serveApi(routes, { authenticate })
    const refused = await call(notes, json('POST', { title: 'first' }))
    expect(await problem(refused)).toMatchObject({ status: 500, code: 'internal' })
    expect(runs.count).toBe(0)
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1)
  })
})

describe('without a valid token', () => {
  test('every path below /api/v1 answers the same 401, byte for byte but for the request id', async () => {
    const { origin } = await serveApi(noteRoutes().routes)
    const paths = [
      notes,
      '/nothing',
      `/organizations/${strangerId}/notes`,
      `${notes}/`,
      '/organizations/garbage',
      '',
    ]
    const answers = await Promise.all(
      paths.map(async (path) => alike(await fetch(`${origin}/api/v1${path}`, { method: 'POST', body: '{' }))),
    )
    expect(new Set(answers).size).toBe(1)
    expect(JSON.parse(answers[0] ?? '')[0]).toBe(401)
  })

  test('the challenge names no error without a token, and invalid_token with a bad one (RFC 6750 §3.1)', async () => {
    const { origin, call } = await serveApi(noteRoutes().routes)
    const none = await fetch(`${origin}/api/v1${notes}`)
    const bad = await call(notes, { token: 'bad' })
    expect(none.headers.get('www-authenticate')).toBe('Bearer realm="latchkey"')
    expect(bad.headers.get('www-authenticate')).toBe('Bearer realm="latchkey", error="invalid_token"')
    expect(await problem(bad)).toMatchObject({ status: 401, code: 'invalid_token' })
  })

  test('two Authorization headers are no token', async () => {
    const { port } = await serveApi(noteRoutes().routes)
    const headers = { Authorization: [bearer.Authorization, bearer.Authorization] }
    expect((await send(port, { path: `/api/v1${notes}`, headers })).status).toBe(401)
  })
})

describe('what a principal may not see', () => {
  test("another organization's answers like one that does not exist, and like garbage", async () => {
    const { call } = await serveApi(noteRoutes().routes)
    const absent = `org_${'7'.repeat(26)}`
    const answers = await Promise.all(
      [strangerId, absent, 'garbage', 'key_x', '%00', 'a%2Fb', '%E0%A4'].map(async (id) =>
        alike(await call(`/organizations/${id}/notes`)),
      ),
    )
    expect(new Set(answers).size).toBe(1)
    expect(answers[0]).toContain('organization_not_found')
  })

  test('garbage in place of an organization never becomes the own one of a principal who may see all', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    for (const id of ['garbage', keyId(1), `${clinicId}x`, clinicId.toUpperCase()]) {
      const refused = await call(`/organizations/${id}/notes`, { token: tokens.operator })
      expect(await problem(refused)).toMatchObject({ status: 404, code: 'organization_not_found' })
    }
  })

  test('a garbage id answers like an absent one, whoever asks and whatever else is wrong', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    for (const init of [
      {},
      json('PATCH', { title: 'new' }),
      json('PATCH', { titel: 1 }),
      { method: 'DELETE' },
    ]) {
      const answers = await Promise.all(
        [keyId(77), 'garbage', `org_${keyId(77).slice(4)}`, keyId(77).toUpperCase()].map(async (id) =>
          alike(await call(`${notes}/${id}`, init)),
        ),
      )
      expect(new Set(answers).size).toBe(1)
    }
  })

  test('an operation outside the role is 403 and says what would do', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    const refused = await call(notes, { ...json('POST', { title: 'x' }), token: tokens.viewer })
    expect(refused.headers.get('www-authenticate')).toContain('insufficient_scope')
    expect(await problem(refused)).toMatchObject({
      status: 403,
      code: 'forbidden',
      fix: expect.stringContaining('organization-admin'),
    })
  })

  test.each([
    ['unknown_operation', 404, 'not_found'],
    ['token_revoked', 401, 'invalid_token'],
    ['no_role', 403, 'forbidden'],
    ['ambiguous_path', 400, 'invalid_request'],
    ['ambiguous_request', 400, 'invalid_request'],
    ['stale_bundle', 503, 'stale_bundle'],
  ] as const)('the reason %s is %i %s', async (reason, status, code) => {
    const { call } = await serveApi(noteRoutes().routes, {
      authenticate: async () => ({ kind: 'denied', reason }),
    })
    const refused = await call(notes)
    expect(refused.headers.has('retry-after')).toBe(status === 503)
    expect(await problem(refused)).toMatchObject({ status, code })
  })
})

describe('a look into another organization', () => {
  test('is told before the answer, and only for reading', async () => {
    const looks: unknown[] = []
    const { call } = await serveApi(noteRoutes().routes, {
      onForeignAccess: async (principal, organizationId, operationId) => {
        looks.push([principal.organizationId, organizationId, operationId])
      },
    })
    await call(notes)
    await call(notes, { token: tokens.operator })
    await call(notes, { ...json('POST', { title: 'x' }), token: tokens.operator })
    await call(`${notes}/${keyId(77)}`, { token: tokens.operator })
    expect(looks).toEqual([[operatorId, clinicId, 'listNotes']])
  })

  test('shows nothing if it cannot be recorded', async () => {
    const { call } = await serveApi(noteRoutes().routes, {
      onForeignAccess: async () => {
        throw new Error('the store is gone')
      },
    })
    expect(await problem(await call(notes, { token: tokens.operator }))).toMatchObject({ code: 'internal' })
  })
})

describe('query parameters', () => {
  test('an unknown one is refused with the nearest known', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    expect(await problem(await call(`${notes}?limt=3`))).toMatchObject({
      status: 400,
      errors: [{ pointer: '?limt', fix: 'Did you mean "limit"? Known here: cursor, limit.' }],
    })
  })

  test.each([
    ['one that is there twice', '?limit=1&limit=2'],
    ['malformed percent-encoding', '?cursor=%zz'],
    ['bytes that are not UTF-8', '?cursor=%ff'],
    ['a NUL', '?cursor=a%00b'],
    ['a number out of bounds', '?limit=101'],
    ['text where a number belongs', '?limit=many'],
  ])('%s is refused', async (_, query) => {
    const { call } = await serveApi(noteRoutes().routes)
    expect(await problem(await call(notes + query))).toMatchObject({ status: 400, code: 'invalid_request' })
  })

  test('none is taken where a route declares none', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    expect((await call(`${await makeNote(call)}?verbose=1`)).status).toBe(400)
  })
})

describe('versions', () => {
  test('If-Match of the current version changes, of another answers 412', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    const note = await makeNote(call)
    const changed = await call(note, json('PATCH', { title: 'second' }, { 'If-Match': '"1"' }))
    expect(changed.headers.get('etag')).toBe('"2"')
    for (const tag of ['"1"', 'W/"2"', '"abc"', '"0"']) {
      const refused = await call(note, json('PATCH', { title: 'third' }, { 'If-Match': tag }))
      expect(await problem(refused)).toMatchObject({ status: 412, code: 'precondition_failed' })
    }
    expect((await call(note, json('PATCH', { title: 'third' }, { 'If-Match': '*' }))).status).toBe(200)
  })

  test.each(['2', '"1", "2"', '"a"b"', ',', 'W/1'])('If-Match: %s is malformed and 400', async (tag) => {
    const { call } = await serveApi(noteRoutes().routes)
    expect(
      (await call(await makeNote(call), json('PATCH', { title: 'x' }, { 'If-Match': tag }))).status,
    ).toBe(400)
  })

  test('a lost race is run once more without If-Match, and then answers 409', async () => {
    const { routes, conflicts } = noteRoutes()
    const { call } = await serveApi(routes)
    const note = await makeNote(call)
    conflicts.left = 1
    expect((await call(note, json('PATCH', { title: 'second' }))).status).toBe(200)
    conflicts.left = 2
    expect(await problem(await call(note, json('PATCH', { title: 'third' })))).toMatchObject({
      status: 409,
      code: 'conflict',
    })
    expect(conflicts.left).toBe(0)
  })

  test('a lost race with If-Match answers 412 without another try', async () => {
    const { routes, conflicts } = noteRoutes()
    const { call } = await serveApi(routes)
    const note = await makeNote(call)
    conflicts.left = 2
    const refused = await call(note, json('PATCH', { title: 'x' }, { 'If-Match': '"1"' }))
    expect([refused.status, conflicts.left]).toEqual([412, 1])
  })
})

describe('Idempotency-Key', () => {
  const once = { 'Idempotency-Key': 'abc' }

  test('a repeat answers 409 with the id and runs nothing', async () => {
    const { routes, runs } = noteRoutes()
    const { call } = await serveApi(routes)
    const made = await (await call(notes, json('POST', { title: 'first' }, once))).json()
    const again = await problem(await call(notes, json('POST', { title: 'first' }, once)))
    expect(again).toMatchObject({ status: 409, code: 'already_done', id: Reflect.get(Object(made), 'id') })
    expect(runs.count).toBe(1)
  })

  test('the same key with another body is refused, at another route it is another key', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    const note = await makeNote(call)
    await call(notes, json('POST', { title: 'first' }, once))
    const other = await problem(await call(notes, json('POST', { title: 'other' }, once)))
    expect(other).toMatchObject({ status: 422, code: 'idempotency_key_reused' })
    expect((await call(note, json('PATCH', { title: 'other' }, once))).status).toBe(200)
  })

  test('of another principal it is another key', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    await call(notes, json('POST', { title: 'first' }, once))
    expect(
      (await call(notes, { ...json('POST', { title: 'first' }, once), token: tokens.operator })).status,
    ).toBe(201)
  })

  test('a refusal leaves the key free, an unknown end keeps it taken', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    expect((await call(notes, json('POST', { title: 'taken' }, once))).status).toBe(409)
    expect((await call(notes, json('POST', { title: 'broken' }, once))).status).toBe(500)
    const again = await problem(await call(notes, json('POST', { title: 'broken' }, once)))
    expect(again).toMatchObject({ status: 409, code: 'already_done' })
    expect(again).not.toHaveProperty('id')
  })

  test('an answer is given even if the key cannot be settled: it may hold a secret that is shown only now', async () => {
    const keys = memoryIdempotencyKeys()
    const settle = () => Promise.reject(new Error('the store is gone'))
    const { call, log } = await serveApi(noteRoutes().routes, { idempotency: { ...keys, settle } })
    expect((await call(notes, json('POST', { title: 'first' }, once))).status).toBe(201)
    expect((await call(notes, json('POST', { title: 'first' }, once))).status).toBe(409)
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
  })

  test('of 20 at once one runs', async () => {
    const { routes, runs } = noteRoutes()
    const { call } = await serveApi(routes)
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => call(notes, json('POST', { title: 'a' }, once))),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(runs.count).toBe(1)
  })

  test.each([' ', 'a b', 'a'.repeat(256)])('%j is malformed and 400, or none', async (value) => {
    const { call } = await serveApi(noteRoutes().routes)
    const answer = await call(notes, json('POST', { title: 'a' }, { 'Idempotency-Key': value }))
    expect(answer.status).toBe(value.trim() === '' ? 201 : 400)
  })
})

describe('limits', () => {
  test.each([
    ['address', 'bad'],
    ['principal', tokens.admin],
    ['organization', tokens.admin],
  ] as const)('per %s answer 429 with Retry-After, RateLimit and RateLimit-Policy', async (name, token) => {
    const { call } = await serveApi(noteRoutes().routes, {
      quotas: { [name]: { requests: 2, windowSeconds: 60 } },
    })
    for (let i = 0; i < 2; i++) expect((await call(notes, { token })).status).not.toBe(429)
    const refused = await call(notes, { token })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(refused.headers.get('ratelimit')).toMatch(new RegExp(`"${name}";r=0;t=\\d+`))
    expect(refused.headers.get('ratelimit-policy')).toContain(`"${name}";q=2;w=60`)
    expect(await problem(refused)).toMatchObject({ status: 429, code: 'rate_limited' })
  })

  test('every answer says what is left', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    const { headers } = await call(notes)
    expect(headers.get('ratelimit')).toMatch(
      /^"address";r=\d+;t=\d+, "principal";r=\d+;t=\d+, "organization";r=/,
    )
  })
})

describe('what goes wrong on this side', () => {
  test('answers 500 without a word of it, and is logged with its cause and the request id', async () => {
    const { call, log } = await serveApi(noteRoutes().routes)
    const failed = await call(notes, json('POST', { title: 'broken' }))
    const body = await problem(failed)
    expect(body).toMatchObject({ status: 500, code: 'internal' })
    expect(JSON.stringify(body)).not.toContain('lost')
    const line = log.lines.find(({ level }) => level === 'error')
    expect(line?.data).toMatchObject({ request_id: body['request_id'], err: { type: 'Error' } })
    // What the error quotes may be a secret: its words are masked on the way into the log.
    expect(JSON.stringify(log.lines)).toContain('lost the secret lk_live_')
    expect(JSON.stringify(log.lines)).not.toContain('aaaa')
  })
})
