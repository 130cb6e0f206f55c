import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect as http2 } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import bodyParser from '@koa/bodyparser'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Statement } from '../../src/evaluator/model.ts'
import type { BodyLimits } from '../../src/sdk/request-body.ts'
import { clinicBundle, type Issuer, makeIssuer } from './clinic-issuer.ts'
import { type Api, type Call, closeServers, frameworks, type Reply } from './frameworks.ts'
import { get, guardOf, type Held, heldBy } from './in-process.ts'
import { proofMaker } from './proof-maker.ts'

let issuer: Issuer
let held: Held
beforeAll(async () => {
  issuer = await makeIssuer()
})
beforeEach(() => {
  const bundle = clinicBundle(issuer)
  const body = {
    members: { name: 'string', ward: 'string', bed: { members: { number: 'integer' } } },
  } as const
  const operations = bundle.model.operations.map((one) =>
    one.id === 'createPatient' ? { ...one, request: { body } } : one,
  )
  held = heldBy({ ...bundle, model: { ...bundle.model, operations } })
  own(
    { operations: ['createPatient'], where: "$request:body:ward = 'north'" },
    { operations: ['createPatient', 'listPatients'], fields: ['name', 'bed.number'] },
    { operations: ['getPatient'] },
  )
})
afterEach(closeServers)

/** What the one role says that callers have here. */
function own(...allow: readonly Statement[]): void {
  held.roles['rol_ward'] = { organization_id: 'org_a', allow }
}

const token = (claims: Record<string, unknown> = {}) => issuer.sign({ roles: ['rol_ward'], ...claims })
const north = '{ "ward": "north", "diagnosis": "flu" }'
const south = '{ "ward": "south" }'

/** An API that answers with what reached it. */
function api(parser?: Api['parser'], requestBody: Partial<BodyLimits> = {}): Api {
  const guard = guardOf(held, { requestBody })
  const answer: Api['answer'] = ({ admission, body }) =>
    JSON.stringify({ operation: admission?.operation.id, body })
  return { guard, answer, ...(parser === undefined ? {} : { parser }) }
}

async function creating(body?: Call['body'], headers: Call['headers'] = {}): Promise<Call> {
  const authorization = `Bearer ${await token()}`
  const type = body === undefined || body.length === 0 ? {} : { 'content-type': 'application/json' }
  const own = { authorization, ...type, ...headers }
  return { method: 'POST', path: '/v1/patients', headers: own, ...(body === undefined ? {} : { body }) }
}

function told({ status, body }: Reply): unknown {
  const { code, detail, body: reached } = JSON.parse(body)
  return status === 200 ? reached : { status, code, ...(code === 'body_required' ? { detail } : {}) }
}

describe.each(Object.entries(frameworks))('a body that a decision depends on, with %s', (name, begin) => {
  describe.each(['before', 'after'] as const)('the API’s parser %s the guard', (parser) => {
    test('is looked at, and reaches the API whole', async () => {
      const call = await begin(api(parser))
      expect(told(await call(await creating(north)))).toEqual(JSON.parse(north))
      expect(told(await call(await creating('{"name":"x","bed":{"number":7}}')))).toHaveProperty(
        'bed.number',
        7,
      )
      expect(told(await call(await creating(south)))).toEqual({ status: 403, code: 'condition_false' })
    })

    test('is looked at where its length is not told', async () => {
      const call = await begin(api(parser))
      const pieces = [north.slice(0, 5), north.slice(5, 9), north.slice(9)]
      expect(told(await call(await creating(pieces)))).toEqual(JSON.parse(north))
      expect(told(await call(await creating([south])))).toMatchObject({ code: 'condition_false' })
    })

    test('reaches the API whole where it is large, and there is a next request on the connection', async () => {
      const call = await begin(api(parser))
      const large = JSON.stringify({ ward: 'north', notes: 'n'.repeat(800_000) })
      expect(told(await call(await creating(large)))).toEqual(JSON.parse(large))
      expect(told(await call(await creating(north)))).toEqual(JSON.parse(north))
    })

    test('may be none at all, which holds no field', async () => {
      own({ operations: ['createPatient'], fields: ['name'] })
      const call = await begin(api(parser))
      expect((await call(await creating())).status).toBe(200)
      // A parser before makes `{}` of what is announced and does not come, which is a leaf; Fastify's refuses it.
      if (name === 'fetch' || name === 'Fastify 5' || parser === 'before') return
      const empty = await creating([], { 'transfer-encoding': 'chunked' })
      expect((await call(empty)).status).toBe(200)
    })

    test('is looked at in a GET, too', async () => {
      const call = await begin(api(parser))
      if (name === 'fetch') return
      const listing = { ...(await creating(south)), method: 'GET' }
      const outside = await call(listing)
      // Parsers leave it alone, and so does the API then.
      expect([403, 400]).toContain(outside.status)
      expect((await call({ ...listing, body: '{"name":"x"}' })).status).toBe(200)
    })
  })

  test('is ambiguous where readers may differ on it', async () => {
    const call = await begin(api('after'))
    for (const body of [
      '{"ward":"north","ward":"south"}',
      '{"ward":"south","w\\u0061rd":"north"}',
      '{"ward":"north","Ward":"south"}',
      `{"ward":"north","x":${'['.repeat(100)}${']'.repeat(100)}}`,
    ])
      expect(told(await call(await creating(body)))).toEqual({ status: 400, code: 'ambiguous_request' })
  })

  test('has no members but its own', async () => {
    own({ operations: ['createPatient'], fields: ['name'] })
    const call = await begin(api('after'))
    const hidden = await creating('{"name":"x","__proto__":{"ward":"north"}}')
    expect(told(await call(hidden))).toMatchObject({ code: 'field_not_allowed' })
    own({ operations: ['createPatient'], where: "$request:body:ward = 'north'" })
    expect(told(await call(hidden))).toMatchObject({ code: 'condition_unknown' })
  })

  test.each<[string, Call['body'], Call['headers'], string]>([
    ['is compressed', gzipSync(north), { 'content-encoding': 'gzip' }, 'compressed'],
    ['is not JSON', 'ward=north', { 'content-type': 'application/x-www-form-urlencoded' }, 'must be JSON'],
    ['is a JSON Patch', north, { 'content-type': 'application/json-patch+json' }, 'must be JSON'],
    ['says another charset', north, { 'content-type': 'application/json; charset=utf-16le' }, 'UTF-8'],
    ['is in another charset', Buffer.from('{"ward":"n\xf6rth"}', 'latin1'), {}, 'not in UTF-8'],
    ['begins with a byte order mark', `\ufeff${north}`, {}, 'JSON body'],
    ['cannot be parsed', '{"ward":"north"', {}, 'JSON body'],
  ])('is required as JSON, and refused where it %s', async (_, body, headers, detail) => {
    const call = await begin(api('after'))
    const reply = told(await call(await creating(body, headers)))
    expect(reply).toEqual({ status: 403, code: 'body_required', detail: expect.stringContaining(detail) })
  })

  test('is refused where it is longer than is looked at, whether its length is told or not', async () => {
    const call = await begin(api('after', { bytesMax: 1_000 }))
    const long = JSON.stringify({ ward: 'north', notes: 'n'.repeat(4_000_000) })
    for (const body of [long, [long.slice(0, 50_000), long.slice(50_000)]]) {
      const { status, code } = JSON.parse((await call(await creating(body))).body)
      expect([status, code]).toEqual([413, 'body_required'])
    }
    expect(told(await call(await creating(north)))).toEqual(JSON.parse(north))
  })

  test('is left alone where no decision depends on it', async () => {
    const call = await begin(api('after', { bytesMax: 10 }))
    const authorization = `Bearer ${await token({ roles: ['patients:write'] })}`
    expect(told(await call(await creating(south, { authorization })))).toEqual(JSON.parse(south))
    expect(told(await call(await creating(north)))).toMatchObject({ status: 413 })
  })

  test('reaches the API whole where it is longer than is looked at, and what it may do needs none', async () => {
    const long = JSON.stringify({ notes: 'n'.repeat(5_000) })
    const filter = [{ operations: ['createPatient'], fields: ['operation'] }]
    const allow = [{ operations: ['createPatient'] }]
    held.roles['rol_ward'] = { organization_id: 'org_a', allow, filter }
    let reached = ''
    const { guard } = api('after', { bytesMax: 1_000 })
    const call = await begin({
      ...{ guard, parser: 'after' },
      answer: ({ body }) => {
        reached = JSON.stringify(body)
        return '{}'
      },
    })
    for (const body of [long, [long.slice(0, 3_000), long.slice(3_000)]]) {
      reached = ''
      await call(await creating(body))
      expect(reached).toBe(long)
    }
  })

  test('that the API does not read leaves the connection to the next request', async () => {
    const call = await begin(api())
    const large = JSON.stringify({ ward: 'north', notes: 'n'.repeat(800_000) })
    const statuses = [await call(await creating(large)), await call(await creating(north))]
    expect(statuses.map(({ status }) => status)).toEqual([200, 200])
  })

  test('needs one proof of a bound token, and no second one (RFC 9449)', async () => {
    const call = await begin(api('after'))
    const maker = await proofMaker()
    const bound = await token({ cnf: { jkt: maker.thumbprint } })
    const dpop = await maker.prove(bound, { htm: 'POST', htu: 'https://api.clinic.example/v1/patients' })
    const proven = await creating(north, { authorization: `DPoP ${bound}`, dpop })
    expect(told(await call(proven))).toEqual(JSON.parse(north))
    expect((await call(proven)).status).toBe(401)
  })
})

describe('a body that comes slowly', () => {
  const slow = async (handle: (request: Request) => Promise<Response>, headers: Record<string, string>) => {
    const body = new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('{"ward":')) })
    const init = { method: 'POST', headers, body, duplex: 'half' } as const
    return await handle(new Request('https://api.example/v1/patients', init))
  }

  test('is waited for only so long', async () => {
    const limits = { secondsMax: 0.05 }
    const headers = { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' }
    const { guard } = api('after', limits)
    const reply = await slow(
      guard.fetch(() => new Response()),
      headers,
    )
    expect([reply.status, codeOf(await reply.text())]).toEqual([408, 'body_required'])
    const app = new Koa().use(guard.koa())
    const raw = await rawRequest(
      app.callback(),
      [...Object.entries(headers), ['content-length', '20']],
      '{"ward":',
    )
    expect(await raw.answer()).toMatch(/^HTTP\/1.1 408 /)
    raw.socket.destroy()
  })

  test('does not reach the API where it is broken off', async () => {
    const headers = { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' }
    let reached = 0
    const app = new Koa().use(api('after').guard.koa()).use(() => reached++)
    app.silent = true
    const answered = Promise.withResolvers<void>()
    const listener = app.callback()
    const raw = await rawRequest(
      (request, response) => {
        response.once('close', answered.resolve)
        void listener(request, response)
      },
      [...Object.entries(headers), ['content-length', '40']],
      '{"ward":"north"}',
    )
    raw.socket.destroy()
    await answered.promise
    expect(reached).toBe(0)
  })

  test('is decided by what is known when it has come', async () => {
    const { guard } = api()
    const late = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    const answer = guard.check({
      ...get(await token(), '/v1/patients', { method: 'POST' }),
      body: async () => {
        asked.resolve()
        await late.promise
        return { kind: 'text', mediaType: 'application/json', text: north }
      },
    })
    await asked.promise
    held.revocations = [{ kind: 'jti', jti: 'x', forget_at: '2030-01-03T00:00:00.000Z' }]
    held.organizations['org_a'] = { state: 'suspended', entitlement: [] }
    late.resolve()
    expect(await answer).toMatchObject({ allowed: false, reason: 'no_role' })
  })
})

async function rawRequest(
  listener: Parameters<typeof createServer>[1],
  headers: readonly (readonly [string, string])[],
  part: string,
) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  // Sound: it listens on an address, not on a pipe.
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const lines = headers.map((header) => `${header.join(': ')}\r\n`).join('')
  socket.write(`POST /v1/patients HTTP/1.1\r\nhost: api\r\n${lines}\r\n${part}`)
  const answer = async () => String((await once(socket, 'data'))[0])
  await once(server, 'request')
  server.close()
  return { socket, answer }
}

/** The code of the problem that a listener answers such a body with. */
async function refused(listener: Parameters<typeof createServer>[1], body: string): Promise<unknown> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const headers = { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' }
  const reply = await fetch(`http://127.0.0.1:${port}/v1/patients`, { method: 'POST', headers, body })
  server.close()
  return codeOf(await reply.text())
}

function codeOf(problem: string): unknown {
  return JSON.parse(problem)['code']
}

describe('a body parser before the guard', () => {
  test('that keeps the text has repeated members seen', async () => {
    const { guard } = api()
    const app = express()
    const verify = (request: object, _: unknown, rawBody: Buffer) => Object.assign(request, { rawBody })
    app.use(express.json({ verify }), guard.express())
    const koa = new Koa().use(bodyParser()).use(guard.koa())
    for (const listener of [app, koa.callback()])
      expect(await refused(listener, '{"ward":"north","ward":"south"}')).toBe('ambiguous_request')
  })

  test('that unpacks leaves what the API acts on', async () => {
    for (const name of ['Koa', 'Express 5']) {
      const call = await frameworks[name]?.(api('before'))
      const packed = await creating(gzipSync(north), { 'content-encoding': 'gzip' })
      expect(told((await call?.(packed)) as Reply)).toEqual(JSON.parse(north))
      const other = await creating(gzipSync(south), { 'content-encoding': 'gzip' })
      expect(told((await call?.(other)) as Reply)).toMatchObject({ code: 'condition_false' })
    }
  })

  test('that leaves a text leaves nothing that is known as JSON', async () => {
    const app = express()
    app.use(express.text({ type: '*/*' }), api().guard.express())
    expect(await refused(app, north)).toBe('body_required')
  })
})

describe('with Fastify', () => {
  test('a request that is made up, as tests do, is decided like another', async () => {
    const app = fastify()
    await app.register(api().guard.fastify())
    app.post('/v1/patients', (request: { readonly body?: unknown }) => request.body ?? {})
    const asking = {
      method: 'POST',
      url: '/v1/patients',
      headers: { authorization: `Bearer ${await token()}` },
    } as const
    const replies = [JSON.parse(north), JSON.parse(south)].map((payload) =>
      app.inject({ ...asking, payload }),
    )
    expect((await Promise.all(replies)).map(({ statusCode }) => statusCode)).toEqual([200, 403])
    own({ operations: ['createPatient'], fields: ['name'] })
    expect((await app.inject(asking)).statusCode).toBe(200)
    await app.close()
  })

  test('over HTTP/2 a body needs its length, and none needs nothing', async () => {
    const app = fastify({ http2: true })
    await app.register(api().guard.fastify())
    app.all('/v1/patients', (request: { readonly body?: unknown }) => request.body ?? {})
    const client = http2(await app.listen({ host: '127.0.0.1', port: 0 }))
    const ask = async (method: string, body?: string, length?: number) => {
      const headers = {
        ...{ ':path': '/v1/patients', ':method': method, authorization: `Bearer ${await token()}` },
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(length === undefined ? {} : { 'content-length': length }),
      }
      const stream = client.request(headers, { endStream: body === undefined })
      const [answered] = await Promise.all([
        once(stream, 'response'),
        body === undefined ? 0 : stream.end(body),
      ])
      return [answered[0][':status'], JSON.parse(await text(stream))]
    }
    expect(await ask('POST', north, north.length)).toEqual([200, JSON.parse(north)])
    expect(await ask('POST', south, south.length)).toMatchObject([403, { code: 'condition_false' }])
    expect(await ask('POST', north)).toMatchObject([411, { code: 'body_required' }])
    expect(await ask('GET')).toEqual([200, {}])
    client.close()
    await app.close()
  })
})

describe('limits of bodies', () => {
  test.each([{ bytesMax: 0 }, { bytesMax: Number.NaN }, { secondsMax: -1 }, { secondsMax: 1e9 }])(
    'that cannot work are refused: %j',
    (requestBody) => {
      expect(() => guardOf(held, { requestBody })).toThrow(/requestBody\.\w+ must be/)
    },
  )
})
