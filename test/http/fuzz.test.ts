import fc from 'fast-check'
import { expect, test } from 'vitest'
import { noteRoutes } from './notes.ts'
import { clinicId, keyId, send, serveApi, tokens } from './serving.ts'

const segment = fc.oneof(
  fc.constantFrom(
    'organizations',
    'notes',
    'services',
    'document',
    clinicId,
    keyId(11),
    '..',
    '.',
    '',
    '%00',
    '%2F',
    '%',
    '%ff',
  ),
  fc.string({ maxLength: 12 }).map((text) => encodeURIComponent(text.toWellFormed())),
)
const path = fc.array(segment, { maxLength: 6 }).map((parts) => `/api/v1/${parts.join('/')}`)
const query = fc.array(
  fc.oneof(
    fc.constantFrom('limit=1', 'limit=', 'cursor=%zz', '&', '=', 'limit[]=1', '__proto__=1', 'limit=1'),
    fc.webQueryParameters(),
  ),
  { maxLength: 3 },
)
const headers = fc.dictionary(
  fc.constantFrom(
    'If-Match',
    'Idempotency-Key',
    'Content-Type',
    'X-Request-Id',
    'X-Forwarded-For',
    'Host',
    'Accept',
    'Content-Encoding',
  ),
  fc.oneof(
    fc.constantFrom(
      'application/json',
      '"1"',
      '*',
      'W/"1"',
      'gzip',
      'identity',
      'application/json; charset=utf-8',
    ),
    fc.string({ unit: fc.constantFrom(...' !"#%&()*,-./:;=?@[]{}az09'), maxLength: 30 }),
  ),
  { noNullPrototype: true },
)
const body = fc.oneof(
  fc.json({ maxDepth: 5 }),
  fc.constantFrom(
    '',
    '{',
    '{"title":"a"}',
    '{"title":1e999}',
    '{"__proto__":{}}',
    '[[[[',
    '"\\ud800"',
    '\u0000',
    '{"title":null}',
  ),
  fc
    .record({ title: fc.anything(), labels: fc.anything() })
    .map((value) => JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? `${one}` : one)) ?? ''),
  fc.string({ maxLength: 60, unit: 'binary' }),
)

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']

test('whatever is sent, the answer is a success or a clear 4xx with a request id: never a 500, never a hang', async () => {
  const { port, log } = await serveApi(noteRoutes().routes)
  const request = fc.record({
    method: fc.constantFrom(...methods),
    path,
    query,
    headers,
    body,
    known: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(request, async ({ method, path, query, headers, body, known }) => {
      const target = known ? `/api/v1/organizations/${clinicId}/notes` : path
      const answer = await send(port, {
        method,
        path: query.length === 0 ? target : `${target}?${query.join('&').replaceAll(/[^\x21-\x7e]/g, '')}`,
        headers: { Authorization: `Bearer ${tokens.admin}`, 'Content-Type': 'application/json', ...headers },
        ...(method === 'GET' || method === 'HEAD' ? {} : { body }),
      })
      expect(answer.status).toBeGreaterThanOrEqual(200)
      expect(answer.status).toBeLessThan(500)
      expect(answer.headers['x-request-id']).toMatch(/^[\w.~-]{1,128}$/)
      if (answer.status >= 400 && method !== 'HEAD') {
        expect(JSON.parse(answer.text)).toMatchObject({
          status: answer.status,
          request_id: answer.headers['x-request-id'],
        })
      }
    }),
    { numRuns: 600 },
  )
  expect(log.lines.filter(({ level }) => level === 'error')).toEqual([])
})
