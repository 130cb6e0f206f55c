import { once } from 'node:events'
import { type IncomingMessage, createServer as plainServer, request as send } from 'node:http'
import { connect, createServer, type Http2ServerResponse } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { text as textOf } from 'node:stream/consumers'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Operation } from '../../src/evaluator/model.ts'
import type { Guard } from '../../src/sdk/guard.ts'
import { clinicBundle, type Issuer, makeIssuer } from './clinic-issuer.ts'
import { type Caller, closeServers, over } from './frameworks.ts'
import { guardOf, type Held, heldBy, sourceOf } from './in-process.ts'

let issuer: Issuer
let held: Held
const servers: { close(): unknown }[] = []
beforeAll(async () => {
  issuer = await makeIssuer()
})
beforeEach(() => {
  held = heldBy(clinicBundle(issuer))
})
afterEach(() => {
  closeServers()
  for (const server of servers.splice(0)) server.close()
})

const headersOf = async (role: string) => ({
  authorization: `Bearer ${await issuer.sign({ roles: [role] })}`,
})

/** Of a server that a test has made. */
function portOf(server: { address(): unknown }): number {
  // Sound: it listens on an address, not on a pipe.
  return (server.address() as AddressInfo).port
}

describe('who fails after the answer to what was made', () => {
  const made = { id: '7' }
  const failure = new Error('after the answer')

  /** A guard whose server takes its time, so that whatever comes after the answer comes first. */
  function guardWithSlowServer(): Guard {
    const { model, ...rest } = held.bundle
    const operations = model.operations.map((one): Operation => {
      if (one.id === 'getPatient') return { ...one, resourceParameter: 'patient' }
      return one.id === 'createPatient'
        ? { ...one, creates: { resource: '/patients/{patient}', id: '/id' } }
        : one
    })
    held.bundle = { ...rest, model: { ...model, operations, resources: 'latchkey' } }
    const register = async () => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      return { kind: 'registered' } as const
    }
    return guardOf(held, {}, Object.assign(sourceOf(held), { register }))
  }

  const apis: Readonly<Record<string, (guard: Guard) => Promise<Caller>>> = {
    'Express 5': (guard) => {
      const app = express()
      app.set('env', 'test')
      app.use(guard.express())
      app.use((_request, response) => {
        response.status(201).json(made)
        throw failure
      })
      return over(app)
    },
    'Koa, past its own ways': (guard) => {
      const app = new Koa()
      app.silent = true
      app.use(guard.koa())
      app.use(({ res }) => {
        res.writeHead(201, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(made))
        throw failure
      })
      return over(app.callback())
    },
    'Fastify 5': async (guard) => {
      const app = fastify({ forceCloseConnections: true })
      await app.register(guard.fastify())
      app.all('*', async (_request, reply) => {
        void reply.code(201).send(made)
        throw failure
      })
      await app.ready()
      return over(app.routing)
    },
  }

  test.each(Object.entries(apis))('changes nothing of it, with %s', async (_, begin) => {
    const ask = await begin(guardWithSlowServer())
    const headers = await headersOf('patients:write')
    const reply = await ask({ method: 'POST', path: '/v1/patients', headers })
    expect([reply.status, reply.body]).toEqual([201, JSON.stringify(made)])
    expect(reply.headers['content-type']).toBe('application/json; charset=utf-8')
    for (const name of ['content-security-policy', 'x-content-type-options'])
      expect(reply.headers).not.toHaveProperty(name)
  })
})

describe('beside a response of which a part may be shown', () => {
  const chart = JSON.stringify({ id: 7, diagnosis: 'canary' })
  const shown = { id: 7 }

  function filtering(): Guard {
    const operations = ['getPatient']
    const filter = [{ operations, fields: ['id'] }]
    held.roles['rol_front'] = { organization_id: 'org_a', allow: [{ operations }], filter }
    return guardOf(held)
  }

  test('no early hints are sent', async () => {
    const app = express()
    app.use(filtering().express())
    app.use((_request, response) => {
      const answer = () => response.setHeader('content-type', 'application/json').end(chart)
      response.writeEarlyHints({ link: '</canary>; rel=preload' }, answer)
    })
    const server = plainServer(app).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    const headers = await headersOf('rol_front')
    const request = send({ port: portOf(server), path: '/v1/patients/7', headers })
    const hints: unknown[] = []
    request.on('information', (hint) => hints.push(hint))
    // Sound: it is what the event hands over.
    const [response] = (await once(request.end(), 'response')) as [IncomingMessage]
    expect([JSON.parse(await textOf(response)), hints]).toEqual([shown, []])
  })

  /** @returns what a client is sent over HTTP/2 by an API that answers past Koa */
  async function overStream(answer: (response: Http2ServerResponse, context: Koa.Context) => void) {
    const app = new Koa()
    app.use(filtering().koa())
    app.use((context) => {
      context.respond = false
      // Sound: this server speaks HTTP/2 alone.
      answer(context.res as unknown as Http2ServerResponse, context)
    })
    const server = createServer(app.callback()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect(`http://127.0.0.1:${portOf(server)}`)
    servers.push(client, server)
    const beside: unknown[] = []
    const trailers: unknown[] = []
    client.on('stream', (_pushed, headers) => beside.push(headers))
    const stream = client.request({ ':path': '/v1/patients/7', ...(await headersOf('rol_front')) })
    stream.on('headers', (headers) => beside.push(headers))
    stream.on('trailers', (given) => trailers.push({ ...given }))
    const [[head], body] = await Promise.all([once(stream, 'response'), textOf(stream)])
    return { head, body, beside, trailers }
  }

  test('what the stream of HTTP/2 is handed is held, too', async () => {
    const { head, body, beside } = await overStream(({ stream }) => {
      stream.additionalHeaders({ ':status': 103, link: '</canary>; rel=preload' })
      stream.respond({ ':status': 203, 'content-type': 'application/json', etag: '"canary"' })
      Readable.from([chart.slice(0, 9), chart.slice(9)]).pipe(stream)
    })
    expect([head, JSON.parse(body), beside]).toEqual([expect.objectContaining({ ':status': 203 }), shown, []])
    expect(JSON.stringify(head)).not.toContain('canary')
  })

  const late: Readonly<Record<string, (response: Http2ServerResponse) => void>> = {
    'by the response': (response) =>
      response.stream.prependListener('wantTrailers', () => {
        // Sound: HTTP/2 has it, if its types do not.
        const { setTrailer } = response as unknown as { setTrailer(name: string, value: string): void }
        setTrailer.call(response, 'content-md5', 'canary')
        response.addTrailers({ 'x-whole': 'canary' })
      }),
    'by the stream': ({ stream }) =>
      stream
        .removeAllListeners('wantTrailers')
        .on('wantTrailers', () => stream.sendTrailers({ 'x-whole': 'canary' })),
  }

  test.each(Object.entries(late))('nothing is said after it, however late, %s', async (_, saying) => {
    const pastKoa = await overStream((response) => {
      saying(response)
      response.setHeader('content-type', 'application/json')
      response.end(chart)
    })
    const throughKoa = await overStream((response, context) => {
      saying(response)
      context.respond = true
      context.body = JSON.parse(chart)
    })
    for (const { body, trailers } of [pastKoa, throughKoa])
      expect([JSON.parse(body), JSON.stringify(trailers)]).toEqual([
        shown,
        expect.not.stringContaining('canary'),
      ])
  })

  test('nothing is pushed once it has been answered', async () => {
    const refused: unknown[] = []
    const { body, beside } = await overStream((response) => {
      response.stream.prependListener('wantTrailers', () =>
        response.createPushResponse({ ':path': '/canary' }, (error) => refused.push(error?.message)),
      )
      response.setHeader('content-type', 'application/json')
      response.end(chart)
    })
    expect([JSON.parse(body), beside]).toEqual([shown, []])
    expect(refused).toEqual([expect.stringContaining('cannot be held back')])
  })

  test('nothing is pushed, and no file is sent', async () => {
    const refused: unknown[] = []
    const { body, beside } = await overStream((response) => {
      response.createPushResponse({ ':path': '/canary' }, (error) => refused.push(error?.message))
      try {
        response.stream.respondWithFile(import.meta.filename)
      } catch (error) {
        refused.push(String(error))
      }
      response.setHeader('content-type', 'application/json')
      response.end(chart)
    })
    expect([JSON.parse(body), beside]).toEqual([shown, []])
    expect(refused).toEqual(Array.from({ length: 2 }, () => expect.stringContaining('cannot be held back')))
  })
})
