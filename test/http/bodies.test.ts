import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { defaultBodyLimits } from '../../src/http/read-body.ts'
import { noteRoutes } from './notes.ts'
import { clinicId, json, problem, raw, send, serveApi, tokens } from './serving.ts'

const notes = `/organizations/${clinicId}/notes`
const document = '/services/clinic/document'

/** What a JSON body is answered with. */
async function answerTo(text: string | Buffer, headers: Record<string, string> = {}) {
  const { call } = await serveApi(noteRoutes().routes)
  const body = typeof text === 'string' ? text : new Uint8Array(text)
  return call(notes, { method: 'POST', body, headers: { 'Content-Type': 'application/json', ...headers } })
}

describe('a JSON body', () => {
  test('that the schema refuses is told every fault with its pointer, the type that came, the nearest name', async () => {
    const answer = await answerTo(
      JSON.stringify({
        titel: 'a',
        labels: ['ok', 7, 'x'.repeat(30)],
        priority: 'nomal',
        reader: { organisation: 'a' },
      }),
    )
    const { errors, code } = await problem(answer)
    expect(code).toBe('invalid_request')
    expect(errors).toEqual([
      { pointer: '/title', detail: 'is required' },
      { pointer: '/labels/1', detail: 'must be string, not number' },
      { pointer: '/labels/2', detail: expect.stringContaining('20') },
      { pointer: '/priority', detail: 'must be one of low, normal, high', fix: 'Did you mean "normal"?' },
      { pointer: '/reader/organization', detail: 'is required' },
      {
        pointer: '/reader/organisation',
        detail: '"organisation" is not a known field',
        fix: expect.stringContaining('Did you mean "organization"?'),
      },
      {
        pointer: '/titel',
        detail: '"titel" is not a known field',
        fix: 'Did you mean "title"? Known here: labels, priority, reader, title.',
      },
    ])
  })

  test('is never repeated: neither values nor what looks like a secret in a name', async () => {
    const secret = `lk_live_${'0'.repeat(26)}_${'s'.repeat(49)}`
    const answer = await answerTo(
      JSON.stringify({ title: 5, labels: secret, priority: secret, [secret]: secret }),
    )
    const text = JSON.stringify(await problem(answer))
    expect(text).not.toContain('ssss')
  })

  test.each([
    ['not JSON', '{"title": secret}', 400, 'body_not_json'],
    ['broken off', '{"title": "a', 400, 'body_not_json'],
    ['two values', '{} {}', 400, 'body_not_json'],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 400, 'body_not_json'],
    ['a member twice', '{"title":"a","title":"b"}', 400, 'invalid_request'],
    ['a member twice, once escaped', '{"title":"a","titl\\u0065":"b"}', 400, 'invalid_request'],
    ['a member twice further in', '{"reader":{"a":1,"b":[{"a":1}],"a":2}}', 400, 'invalid_request'],
    ['__proto__', '{"title":"a","__proto__":{"x":1}}', 400, 'invalid_request'],
    ['a NUL', '{"title":"a\\u0000b"}', 400, 'invalid_request'],
    ['half a surrogate pair', '{"title":"\\ud800"}', 400, 'invalid_request'],
    ['a list', '[]', 400, 'invalid_request'],
    ['null', 'null', 400, 'invalid_request'],
    ['nested 10,000 deep', '['.repeat(10_000), 400, 'body_too_deep'],
    ['nested 65 deep', `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`, 400, 'body_too_deep'],
    ['a byte over 1 MB', `"${'a'.repeat(1_048_575)}"`, 413, 'body_too_large'],
  ])('%s is refused', async (_, text, status, code) => {
    const answer = await answerTo(text)
    expect(await problem(answer)).toMatchObject({ status, code })
  })

  test('a member twice is told with its place', async () => {
    const { errors } = await problem(await answerTo('{"reader":{"x":[{},{"a/b":1,"a/b":2}]}}'))
    expect(errors).toMatchObject([{ pointer: '/reader/x/1/a~1b' }])
  })

  test.each([
    ['{"title" hunter2}', 'The body is not JSON: something else stands in it at character 9.'],
    ['{"title": hunter2}', 'The body is not JSON: something else stands in it.'],
    ['{"title": ', 'The body is not JSON: it breaks off.'],
  ])('%s is told as not JSON, without what stands there', async (text, expected) => {
    const { detail } = await problem(await answerTo(text))
    expect(detail).toBe(expected)
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json; charset=latin1',
    'application/jsonx',
  ])('of type %s is 415 and says what is taken', async (type) => {
    const answer = await answerTo('{"title":"a"}', { 'Content-Type': type })
    expect(answer.headers.get('accept')).toBe('application/json')
    expect(await problem(answer)).toMatchObject({ status: 415, code: 'unsupported_media_type' })
  })

  test('without a type is 415, compressed is 415', async () => {
    const { port } = await serveApi(noteRoutes().routes)
    const headers = { Authorization: `Bearer ${tokens.admin}`, 'Content-Length': '13' }
    const path = `/api/v1${notes}`
    expect((await send(port, { method: 'POST', path, headers, body: '{"title":"a"}' })).status).toBe(415)
    expect((await answerTo(gzipSync('{"title":"a"}'), { 'Content-Encoding': 'gzip' })).status).toBe(415)
  })

  test('that is absent is an empty object: what is missing is told by name', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    expect((await problem(await call(notes, { method: 'POST' })))['errors']).toEqual([
      { pointer: '/title', detail: 'is required' },
    ])
  })

  test('is refused where none is taken', async () => {
    const { call, port } = await serveApi(noteRoutes().routes)
    const answer = await send(port, {
      path: `/api/v1${notes}`,
      headers: { Authorization: `Bearer ${tokens.admin}`, 'Content-Length': '2' },
      body: '{}',
    })
    expect(answer.status).toBe(400)
    const gone = await call(`${notes}/garbage`, json('DELETE', { force: true }))
    expect(await problem(gone)).toMatchObject({ status: 400, errors: [{ pointer: '/force' }] })
  })

  test('is not read before the caller is known', async () => {
    const { origin } = await serveApi(noteRoutes().routes)
    const answer = await fetch(`${origin}/api/v1${notes}`, { method: 'POST', body: '['.repeat(2_000_000) })
    expect(answer.status).toBe(401)
  })

  test('over its limit is refused from Content-Length, without waiting for it', async () => {
    const { port } = await serveApi(noteRoutes().routes)
    const answered = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () =>
        socket.write(
          `POST /api/v1${notes} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.admin}\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n{`,
        ),
      )
      socket.once('data', (chunk) => {
        socket.destroy()
        resolve(chunk.toString())
      })
      socket.on('error', reject)
    })
    expect(answered).toMatch(/^HTTP\/1.1 413 /)
  })

  test('that does not come is 408 after the time that it has', async () => {
    const { port } = await serveApi(noteRoutes().routes, {
      bodyLimits: { ...defaultBodyLimits, timeoutMs: 50 },
    })
    const answer = await raw(
      port,
      `POST /api/v1${notes} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.admin}\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"title"`,
    )
    expect(answer).toMatch(/^HTTP\/1.1 408 /)
    expect(answer).toContain('"code":"request_timeout"')
  })
})

describe('a document body', () => {
  test.each(['application/json', 'application/yaml', 'text/yaml; charset=utf-8'])(
    'comes as text of type %s',
    async (type) => {
      const { call } = await serveApi(noteRoutes().routes)
      const answer = await call(document, {
        method: 'PUT',
        body: 'openapi: 3.1.0',
        headers: { 'Content-Type': type },
      })
      expect(await answer.json()).toEqual({ characters: 14, service: 'clinic' })
    },
  )

  test('may be larger than 1 MB, and gzipped', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    const body = new Uint8Array(gzipSync('a'.repeat(3_000_000)))
    const headers = { 'Content-Type': 'application/yaml', 'Content-Encoding': 'gzip' }
    expect(await (await call(document, { method: 'PUT', body, headers })).json()).toMatchObject({
      characters: 3_000_000,
    })
  })

  test('that unpacks to more than its limit is refused without unpacking it all', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    const body = new Uint8Array(gzipSync(Buffer.alloc(200 * 1_048_576)))
    const headers = { 'Content-Type': 'application/yaml', 'Content-Encoding': 'gzip' }
    expect(body.length).toBeLessThan(300_000)
    const answer = await call(document, { method: 'PUT', body, headers })
    expect(await problem(answer)).toMatchObject({ status: 413, code: 'body_too_large' })
  })

  test('that is no gzip though it says so is 400, of another encoding 415', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    const put = (encoding: string) =>
      call(document, {
        method: 'PUT',
        body: 'plain',
        headers: { 'Content-Type': 'application/yaml', 'Content-Encoding': encoding },
      })
    expect((await put('gzip')).status).toBe(400)
    expect((await put('br')).status).toBe(415)
  })

  test('a garbage service answers like an absent one', async () => {
    const { call } = await serveApi(noteRoutes().routes)
    const answer = await call('/services/NO/document', {
      method: 'PUT',
      body: 'x',
      headers: { 'Content-Type': 'application/yaml' },
    })
    expect(await problem(answer)).toMatchObject({ status: 404, code: 'service_not_found' })
  })
})
