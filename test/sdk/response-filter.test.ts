import { connect } from 'node:http2'
import { text as textOf } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { FilterStatement } from '../../src/evaluator/model.ts'
import type { GuardOptions } from '../../src/sdk/guard.ts'
import { type Answer, answering } from './answering-frameworks.ts'
import { clinicBundle, type Issuer, makeIssuer } from './clinic-issuer.ts'
import { type Call, closeServers, over, type Reply } from './frameworks.ts'
import { get, guardOf, type Held, heldBy } from './in-process.ts'

let issuer: Issuer
let held: Held
beforeAll(async () => {
  issuer = await makeIssuer()
})
beforeEach(() => {
  held = heldBy(clinicBundle(issuer))
  showing({ fields: ['id', 'name', 'visits.on'] })
})
afterEach(closeServers)

const operations = ['getPatient', 'listPatients', 'createPatient']

/** What the one role that callers have here shows. */
function showing(filter: Pick<FilterStatement, 'fields' | 'mask'>): void {
  const allow = [{ operations }]
  held.roles['rol_front'] = { organization_id: 'org_a', allow, filter: [{ operations, ...filter }] }
}

const headersOf = async (roles = ['rol_front']) => ({
  authorization: `Bearer ${await issuer.sign({ roles })}`,
})

const chart = {
  ...{ id: 7, name: 'Ada', diagnosis: 'canary' },
  visits: [{ on: '2030-01-01', note: 'canary' }],
}
const shown = { id: 7, name: 'Ada', visits: [{ on: '2030-01-01' }] }
const text = JSON.stringify(chart)

/** Whatever was answered: nothing of it may be in what arrives. */
function withoutCanary(reply: Reply): Reply {
  expect(JSON.stringify(reply)).not.toContain('canary')
  return reply
}

describe.each(Object.entries(answering))(
  'a response of which a part may be shown, with %s',
  (name, begin) => {
    const ask = async (answer: Answer, call: Call = {}, options: GuardOptions = {}): Promise<Reply> => {
      const send = await begin(guardOf(held, options), () => answer)
      return withoutCanary(await send({ ...call, headers: { ...(await headersOf()), ...call.headers } }))
    }

    test.each<[string, Answer]>([
      ['a value', { json: chart }],
      ['text', { text }],
      ['bytes', { text: Buffer.from(text) }],
      ['a stream', { pieces: [text.slice(0, 20), text.slice(20)] }],
      ['what is written past the framework', { raw: [text.slice(0, 20), Buffer.from(text.slice(20))] }],
      ['another kind of JSON', { text, headers: { 'content-type': 'application/fhir+json; charset=utf-8' } }],
      ['a response of a known length', { text, headers: { 'content-length': String(text.length) } }],
    ])('leaves filtered, whether it is %s', async (_, answer) => {
      const reply = await ask(answer)
      expect([reply.status, JSON.parse(reply.body)]).toEqual([200, shown])
      expect(reply.headers['content-type']).toMatch(/json/)
      expect(reply.headers['x-decision-id']).toMatch(/^dec_/)
      const length = reply.headers['content-length']
      if (length !== undefined) expect(Number(length)).toBe(Buffer.byteLength(reply.body))
    })

    test('has masks where the role says so', async () => {
      showing({ fields: ['id', 'visits.on'], mask: '***' })
      const visits = [{ on: '2030-01-01', note: '***' }]
      expect(JSON.parse((await ask({ json: chart })).body)).toEqual({
        ...{ id: 7, name: '***', diagnosis: '***', visits },
      })
    })

    test('keeps every number as it was written, and texts that look like what stands for one', async () => {
      const numbers =
        '{"id":12345678901234567890.10,"name":"\\u0000n5","visits":{"on":[1e400,"\\u0000t",0.1,1.50]}}'
      expect((await ask({ text: numbers })).body).toBe(
        '{"id":12345678901234567890.10,"name":"\\u0000n5","visits":{"on":[1e400,"\\u0000t",0.1,1.50]}}',
      )
    })

    test('is not asked about as a whole: what it hashes to, when it changed, how long it is', async () => {
      const told = { etag: '"canary"', 'last-modified': 'Tue, 01 Jan 2030 12:00:00 GMT', digest: 'canary' }
      const reply = await ask(
        { json: chart, headers: told },
        { headers: { 'if-none-match': '*', range: 'bytes=0-5' } },
      )
      expect([reply.status, JSON.parse(reply.body)]).toEqual([200, shown])
      for (const header of Object.keys(told)) expect(reply.headers).not.toHaveProperty(header)
      const head = await ask({ text, headers: told }, { method: 'HEAD' })
      expect([head.status, head.body]).toEqual([200, ''])
      expect(['undefined', '0']).toContain(String(head.headers['content-length']))
      for (const header of Object.keys(told)) expect(head.headers).not.toHaveProperty(header)
    })

    test.each<[string, Answer]>([
      ['is not JSON', { text: 'canary', headers: { 'content-type': 'text/csv' } }],
      ['is lines of JSON', { text: `${text}\n${text}`, headers: { 'content-type': 'application/x-ndjson' } }],
      ['is lines of JSON under another name', { text: `${text}\n${text}` }],
      ['is a part', { text: text.slice(0, 9), status: 206, headers: { 'content-range': 'bytes 0-9/100' } }],
      ['is compressed', { text: gzipSync(text), headers: { 'content-encoding': 'gzip' } }],
      [
        'is in another charset',
        { text: Buffer.from(text), headers: { 'content-type': 'application/json; charset=utf-16le' } },
      ],
      ['is no UTF-8', { text: Buffer.from('{"name":"\xe4canary"}', 'latin1') }],
      ['has a member twice', { text: '{"name":"canary","name":"Ada"}' }],
      ['is broken JSON', { text: '{"name":"canary"' }],
      ['is nested without end', { text: `${'['.repeat(50_000)}"canary"${']'.repeat(50_000)}` }],
      ['is longer than is held', { text: JSON.stringify({ name: 'canary'.repeat(1_000) }) }],
    ])('is refused where it %s', async (_, answer) => {
      const reply = await ask(answer, {}, { heldResponse: { bytesMax: 5_000 } })
      expect([reply.status, JSON.parse(reply.body)['code']]).toEqual([403, 'filter_required'])
      expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/)
      expect(reply.headers).not.toHaveProperty('content-encoding')
    })

    test('is refused at once where it is an event stream without end', async () => {
      const events = { headers: { 'content-type': 'text/event-stream' } }
      expect((await ask({ ...events, pieces: endless() })).status).toBe(403)
      expect((await ask({ ...events, raw: ['data: canary\n\n'] })).status).toBe(403)
    })

    test('is refused where it is a stream that breaks off', async () => {
      // With Express the API itself writes it, and has to end the response.
      if (name !== 'Express 5') expect((await ask({ pieces: brokenOff() })).status).toBe(403)
    })

    test('of a write that was done is no refusal', async () => {
      const call = { method: 'POST', path: '/v1/patients' }
      expect(JSON.parse((await ask({ json: chart, status: 201 }, call)).body)).toEqual(shown)
      const reply = await ask({ text: 'canary', headers: { 'content-type': 'text/plain' } }, call)
      expect([reply.status, JSON.parse(reply.body)['code']]).toEqual([500, 'filter_required'])
    })

    test('that is an error keeps its status, and says no more than may be shown', async () => {
      const problem = { headers: { 'content-type': 'application/problem+json' } }
      for (const answer of [
        { json: { message: 'canary' }, status: 422 },
        { ...problem, text: JSON.stringify({ title: 'No', detail: 'canary' }), status: 422 },
        { text: 'canary', headers: { 'content-type': 'text/plain' }, status: 422 },
      ]) {
        const reply = await ask(answer)
        expect([reply.status, JSON.parse(reply.body)['status']]).toEqual([422, 422])
      }
      expect(JSON.parse((await ask({ json: chart, status: 409 })).body)).toEqual(shown)
      if (name === 'fetch') return
      const throws = Object.assign(new Error('canary'), { status: 409, statusCode: 409, expose: true })
      expect((await ask({ throws })).status).toBe(409)
    })

    test('without a body, or that sends elsewhere, needs no filter', async () => {
      expect((await ask({ status: 204 })).status).toBe(204)
      const headers = { location: '/v1/patients/8', 'content-type': 'text/html' }
      const reply = await ask({ status: 303, headers, text: '<p>canary' })
      expect([reply.status, reply.headers['location'], reply.body]).toEqual([303, headers.location, ''])
    })

    test('is whole, as it was sent, for who may see all of it', async () => {
      const send = await begin(guardOf(held), () => ({ text, headers: { etag: '"1"' } }))
      const reply = await send({ headers: await headersOf(['patients:read']) })
      expect([reply.status, reply.body, reply.headers['etag']]).toEqual([200, text, '"1"'])
      const csv = await begin(guardOf(held), () => ({ text: 'a,b', headers: { 'content-type': 'text/csv' } }))
      expect((await csv({ headers: await headersOf(['patients:read']) })).body).toBe('a,b')
    })
  },
)

async function* brokenOff() {
  yield '{"name":"canary"'
  throw new Error('the upstream is gone')
}

async function* endless() {
  for (;;) {
    yield 'data: canary\n\n'
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('what stands around the API', () => {
  test('compresses what is shown: around Koa’s guard, and in a hook after Fastify’s', async () => {
    const app = new Koa()
    app.use(async (context, next) => {
      await next()
      context.body = gzipSync(String(context.body))
      context.set('content-encoding', 'gzip')
    })
    app.use(guardOf(held).koa())
    app.use((context) => {
      context.body = chart
    })
    const other = fastify({ forceCloseConnections: true })
    await other.register(guardOf(held).fastify())
    other.addHook('onSend', async (_request, reply, payload) => {
      reply.header('content-encoding', 'gzip')
      return gzipSync(String(payload))
    })
    other.get('*', () => chart)
    await other.ready()
    for (const listener of [app.callback(), other.routing]) {
      const send = await over(listener)
      const reply = await send({ headers: await headersOf() })
      expect([reply.status, reply.headers['content-encoding']]).toEqual([200, 'gzip'])
      expect(reply.body).not.toContain('canary')
    }
  })

  test('is Fastify over HTTP/2, which ends responses in another way', async () => {
    const app = fastify({ http2: true })
    await app.register(guardOf(held).fastify())
    app.get('/v1/patients/7', () => chart)
    app.get('/v1/patients/8', (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(200, { 'content-type': 'application/json' })
      reply.raw.write(text.slice(0, 9))
      reply.raw.end(text.slice(9))
    })
    const client = connect(await app.listen({ host: '127.0.0.1', port: 0 }))
    for (const path of ['/v1/patients/7', '/v1/patients/8']) {
      const stream = client.request({ ':path': path, ...(await headersOf()) })
      expect(JSON.parse(await textOf(stream))).toEqual(shown)
    }
    client.close()
    await app.close()
  })

  test('cannot tell of the whole response in what comes after it (RFC 9110 §6.5)', async () => {
    const app = express()
    app.use(guardOf(held).express())
    app.use((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', trailer: 'content-md5' })
      response.write(text)
      response.addTrailers({ 'content-md5': 'canary' })
      response.end()
    })
    const { trailers, body } = await (await over(app))({ headers: await headersOf() })
    expect([JSON.parse(body), trailers]).toEqual([shown, {}])
  })

  test('answers with a Response of its own, with Fastify', async () => {
    const app = fastify({ forceCloseConnections: true })
    await app.register(guardOf(held).fastify())
    app.get('*', () => Response.json(chart, { status: 203 }))
    await app.ready()
    const reply = await (await over(app.routing))({ headers: await headersOf() })
    expect([reply.status, JSON.parse(reply.body)]).toEqual([203, shown])
  })

  test('sees no question about the whole response, however it reads headers', async () => {
    const app = new Koa()
    app.use(guardOf(held).koa())
    let seen = ''
    app.use((context) => {
      const { headers, headersDistinct, rawHeaders } = context.req
      seen = JSON.stringify([headers, headersDistinct, rawHeaders]).toLowerCase()
      context.body = chart
    })
    const send = await over(app.callback())
    const asked = { 'if-none-match': '"x"', 'If-Match': '*', range: 'bytes=0-1', accept: 'kept/kept' }
    expect((await send({ headers: { ...(await headersOf()), ...asked } })).status).toBe(200)
    expect(seen).toContain('kept/kept')
    for (const name of ['if-none-match', 'if-match', 'range']) expect(seen).not.toContain(`"${name}"`)
  })

  test('has its turn when headers are written, as sessions do', async () => {
    const app = express()
    app.use(guardOf(held).express(), (_request, response, next) => {
      const { writeHead } = response
      response.writeHead = (...given: readonly unknown[]) => {
        response.setHeader('set-cookie', 'session=1')
        return Reflect.apply(writeHead, response, given)
      }
      next()
    })
    app.use((_request, response) => void response.json(chart))
    const reply = await (await over(app))({ headers: await headersOf() })
    expect([JSON.parse(reply.body), reply.headers['set-cookie']]).toEqual([shown, ['session=1']])
  })
})

describe('who filters without a middleware', () => {
  test('says so, and is handed what may be shown', async () => {
    const guard = guardOf(held)
    const token = await issuer.sign({ roles: ['rol_front'] })
    expect(await guard.check(get(token))).toMatchObject({ allowed: false, reason: 'filter_required' })
    const admission = await guard.check(get(token, undefined, { filtersResponse: true }))
    expect(admission.allowed && guard.filterResponse(admission, chart)).toEqual(shown)
    const own = { toJSON: () => ({ id: new Date(0), diagnosis: 'canary' }) }
    expect(admission.allowed && guard.filterResponse(admission, own)).toEqual({
      id: '1970-01-01T00:00:00.000Z',
    })
    expect(guard.filterResponse({}, chart)).toBe(chart)
  })
})

test.each([0, Number.NaN, 1e12])('a limit of held responses that cannot work is refused: %s', (bytesMax) => {
  expect(() => guardOf(held, { heldResponse: { bytesMax } })).toThrow('heldResponse.bytesMax must be')
})
