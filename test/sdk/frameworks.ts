import { once } from 'node:events'
import { Agent, createServer, type RequestListener, type Server, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import bodyParser from '@koa/bodyparser'
import express from 'express'
import fastify, { type FastifyRequest } from 'fastify'
import Koa from 'koa'
import mount from 'koa-mount'
import type { Guard } from '../../src/sdk/guard.ts'
import type { Admission } from '../../src/sdk/guard-answer.ts'

export interface Call {
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string | string[]>
  /** Sent with its length; a list piece by piece, without one. */
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[]
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
  /** Headers that came after the body, where they can be seen. */
  readonly trailers?: Readonly<Record<string, unknown>>
}

export type Caller = (call: Call) => Promise<Reply>

/** What the API behind the guard knows of a request. */
export interface Asked {
  readonly admission: Admission | undefined
  /** What its body parser has made of the body, if there is one. */
  readonly body: unknown
}

/** An API behind a guard, which answers text. */
export interface Api {
  readonly guard: Guard
  readonly answer: (asked: Asked) => string
  /** Where the API's body parser stands. Absent: it has none. */
  readonly parser?: 'before' | 'after'
}

type Start = (api: Api) => Promise<Caller>

let servers: Server[] = []

/** To be called after each test. */
export function closeServers(): void {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
  servers = []
}

export async function over(listener: RequestListener): Promise<Caller> {
  const server = createServer(listener)
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // Sound: it listens on an address, not on a pipe.
  const { port } = server.address() as AddressInfo
  // All requests go over one connection, so that none may leave something behind on it.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return ({ method = 'GET', path = '/v1/patients/7', headers = {}, body }) =>
    new Promise((resolve, reject) => {
      const isWhole = typeof body === 'string' || body instanceof Uint8Array
      const length = isWhole ? { 'content-length': Buffer.byteLength(body) } : {}
      const request = send(
        { agent, port, method, path, headers: { ...length, ...headers } },
        async (response) => {
          const body = await text(response)
          const { statusCode: status = 0, headers, trailers } = response
          resolve({ status, headers, body, trailers })
        },
      )
      request.on('error', reject)
      for (const piece of body === undefined || isWhole ? [] : body) request.write(piece)
      request.end(isWhole ? body : undefined)
    })
}

function koa({ guard, answer, parser }: Api, at: '/' | '/v1'): Promise<Caller> {
  const app = new Koa()
  app.silent = true
  if (parser === 'before') app.use(bodyParser())
  if (at === '/') app.use(guard.koa())
  else app.use(mount(at, guard.koa()))
  if (parser === 'after') app.use(bodyParser())
  app.use((context) => {
    context.body = answer({ admission: context.state['latchkey'], body: context.request.body })
  })
  return over(app.callback())
}

export const frameworks: Readonly<Record<string, Start>> = {
  Koa: (api) => koa(api, '/'),
  'Koa, mounted': (api) => koa(api, '/v1'),
  'Express 5': ({ guard, answer, parser }) => {
    const app = express()
    app.set('env', 'test')
    if (parser === 'before') app.use(express.json({ limit: '1mb' }))
    app.use('/v1', guard.express())
    if (parser === 'after') app.use(express.json({ limit: '1mb' }))
    app.use((request: express.Request & { latchkey?: Admission }, response: express.Response) => {
      response.send(answer({ admission: request.latchkey, body: request.body }))
    })
    return over(app)
  },
  'Fastify 5': async ({ guard, answer }) => {
    // Its own parser stands behind the guard, and nowhere else.
    const app = fastify({ forceCloseConnections: true })
    await app.register(guard.fastify())
    app.route({
      method: ['GET', 'POST', 'OPTIONS'],
      url: '*',
      handler: (request: FastifyRequest & { latchkey?: Admission }, reply) =>
        reply.send(answer({ admission: request.latchkey, body: request.body })),
    })
    await app.ready()
    return over(app.routing)
  },
  fetch: async ({ guard, answer, parser }) => {
    const handle = guard.fetch(async (request, admission) => {
      const sent = parser === undefined ? '' : await request.text()
      return new Response(answer({ admission, body: sent === '' ? undefined : JSON.parse(sent) }))
    })
    return async ({ method = 'GET', path = '/v1/patients/7', headers = {}, body }) => {
      const sent = Object.entries(headers).flatMap(([name, values]) =>
        [values].flat().map((value): [string, string] => [name, value]),
      )
      const init = { method, headers: sent, ...bodyOf(body) }
      const response = await handle(new Request(`https://api.example${path}`, init))
      const { status } = response
      return { status, headers: Object.fromEntries(response.headers), body: await response.text() }
    }
  },
}

function bodyOf(body: Call['body']): Pick<RequestInit, 'body' | 'duplex'> {
  if (body === undefined) return {}
  if (typeof body === 'string') return { body }
  if (body instanceof Uint8Array) return { body: new Uint8Array(body) }
  return { body: ReadableStream.from(body.map((piece) => Buffer.from(piece))), duplex: 'half' }
}
