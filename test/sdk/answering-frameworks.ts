import { Readable } from 'node:stream'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import type { Guard } from '../../src/sdk/guard.ts'
import { type Caller, over } from './frameworks.ts'

/** What an API answers, and by which of its framework's ways. */
export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly text?: string | Buffer
  /** As a stream. */
  readonly pieces?: Iterable<string | Buffer> | AsyncIterable<string | Buffer>
  /** Past the framework, over the response of Node itself. */
  readonly raw?: readonly (string | Buffer)[]
  readonly throws?: Error
}

type Start = (guard: Guard, answer: () => Answer | Promise<Answer>) => Promise<Caller>

function jsonType({ headers }: Answer): Record<string, string> {
  return { 'content-type': 'application/json', ...headers }
}

function thrown({ throws }: Answer): void {
  if (throws !== undefined) throw throws
}

/** An API behind a guard that answers what a test says, to any request. */
export const answering: Readonly<Record<string, Start>> = {
  Koa: (guard, answer) => {
    const app = new Koa()
    app.silent = true
    app.use(guard.koa())
    app.use(async (context) => {
      const one = await answer()
      thrown(one)
      if (one.raw !== undefined) {
        context.respond = false
        context.res.writeHead(one.status ?? 200, jsonType(one))
        for (const piece of one.raw) context.res.write(piece)
        context.res.end()
        return
      }
      context.status = one.status ?? 200
      context.set(one.json === undefined ? jsonType(one) : (one.headers ?? {}))
      if (one.json !== undefined) context.body = one.json
      else if (one.pieces !== undefined) context.body = Readable.from(one.pieces)
      else if (one.text !== undefined) context.body = one.text
    })
    return over(app.callback())
  },
  'Express 5': (guard, answer) => {
    const app = express()
    app.set('env', 'test')
    app.use(guard.express())
    app.use(async (_request: express.Request, response: express.Response) => {
      const one = await answer()
      thrown(one)
      if (one.raw !== undefined) {
        response.writeHead(one.status ?? 200, Object.entries(jsonType(one)).flat())
        for (const piece of one.raw) response.write(piece)
        response.end()
        return
      }
      response.status(one.status ?? 200).set(one.json === undefined ? jsonType(one) : (one.headers ?? {}))
      if (one.json !== undefined) response.json(one.json)
      else if (one.pieces !== undefined) Readable.from(one.pieces).pipe(response)
      else response.send(one.text)
    })
    return over(app)
  },
  'Fastify 5': async (guard, answer) => {
    const app = fastify({ forceCloseConnections: true })
    await app.register(guard.fastify())
    app.all('*', async (_request, reply) => {
      const one = await answer()
      thrown(one)
      if (one.raw !== undefined) {
        reply.hijack()
        reply.raw.writeHead(one.status ?? 200, jsonType(one))
        for (const piece of one.raw) reply.raw.write(piece)
        reply.raw.end()
        return reply
      }
      reply.code(one.status ?? 200).headers(one.json === undefined ? jsonType(one) : (one.headers ?? {}))
      const stream = one.pieces === undefined ? undefined : Readable.from(one.pieces)
      return reply.send(one.json ?? stream ?? one.text)
    })
    await app.ready()
    return over(app.routing)
  },
  fetch: async (guard, answer) => {
    const handle = guard.fetch(async () => {
      const one = await answer()
      const init = { status: one.status ?? 200, headers: jsonType(one) }
      const pieces = one.pieces ?? one.raw
      if (pieces !== undefined) return new Response(ReadableStream.from(bytesOf(pieces)), init)
      if (one.json !== undefined) return Response.json(one.json, { ...init, headers: one.headers ?? {} })
      const { text } = one
      return new Response(text === undefined || typeof text === 'string' ? text : new Uint8Array(text), init)
    })
    return async ({ method = 'GET', path = '/v1/patients/7', headers = {} }) => {
      const sent = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)])
      const response = await handle(new Request(`https://api.example${path}`, { method, headers: sent }))
      const { status } = response
      return { status, headers: Object.fromEntries(response.headers), body: await response.text() }
    }
  },
}

async function* bytesOf(pieces: NonNullable<Answer['pieces']>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield new Uint8Array(Buffer.from(piece))
}
