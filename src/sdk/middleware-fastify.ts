import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Admission } from './guard-answer.ts'
import { HeldResponse } from './held-response.ts'
import { forgetHeaders, type Guarding, guardRequest, problemBody, problemMediaType } from './middleware.ts'
import { nodeBody } from './node-body.ts'
import { headersOfReplaced, headOf, type ResponseDuty, type ResponseHead } from './response-duty.ts'
import { fulfil } from './whole-body.ts'

/** What is used of a Fastify request. */
interface FastifyRequest {
  readonly raw: IncomingMessage
  /** The target before any rewriting. */
  readonly originalUrl: string
  readonly body?: unknown
  latchkey?: Admission
}

/** What is used of a Fastify reply. */
interface FastifyReply {
  readonly raw: ServerResponse
  readonly statusCode: number
  getHeader(name: string): unknown
  getHeaders(): Readonly<Record<string, unknown>>
  removeHeader(name: string): unknown
  code(status: number): unknown
  header(name: string, value: unknown): unknown
  send(payload?: unknown): unknown
}

/** What is used of a Fastify instance. */
interface FastifyInstance {
  decorateRequest(name: string): unknown
  addHook(name: 'onRequest' | 'onSend', hook: FastifyHook): unknown
}

/** `payload` is that of `onSend`. */
type FastifyHook = (request: FastifyRequest, reply: FastifyReply, payload?: unknown) => Promise<unknown>

/** For `register`. It guards the instance that it is registered on, and all that is registered there afterwards. */
export type FastifyPlugin = (instance: FastifyInstance) => Promise<void>

export function fastifyPlugin(guarding: Guarding): FastifyPlugin {
  const plugin: FastifyPlugin = async (instance) => {
    instance.decorateRequest('latchkey')
    instance.addHook('onRequest', (request, reply) => pass(guarding, request, reply))
    instance.addHook('onSend', (request, reply, payload) => shown(guarding, request, reply, payload))
  }
  // In the ecosystem's way: what it adds is not kept to the plugin itself.
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'latchkey',
  })
}

/** Who has been answered goes no further: Fastify sees that the reply was sent. */
async function pass(guarding: Guarding, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { gate } = guarding
  const body = nodeBody(request.raw, reply.raw, request, guarding.bodies)
  const asked = guardRequest(request.raw, request.originalUrl, body)
  const metadata = await gate.metadataFor(asked)
  if (metadata !== undefined) {
    reply.code(metadata.status)
    setHeaders(reply, metadata.headers)
    return reply.send(metadata.body)
  }
  if (await gate.isPreflight(asked)) return undefined
  const answer = await gate.check(asked)
  setHeaders(reply, answer.headers)
  if (answer.allowed) {
    request.latchkey = answer
    // Where the API answers past Fastify, too.
    for (const [name, value] of Object.entries(answer.headers)) reply.raw.setHeader(name, value)
    const duty = await guarding.dutyOf(asked, answer)
    if (duty === undefined) return undefined
    forgetHeaders(request.raw, duty)
    owed.set(request.raw, { duty, held: new HeldResponse(reply.raw, duty, guarding.responses) })
    return undefined
  }
  reply.code(answer.status)
  reply.header('content-type', problemMediaType)
  // To text it would add a charset, which JSON does not have.
  return reply.send(Buffer.from(problemBody(answer)))
}

function setHeaders(reply: FastifyReply, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) reply.header(name, value)
}

/** Responses that something is to be done with. */
const owed = new WeakMap<IncomingMessage, Owed>()

interface Owed {
  readonly duty: ResponseDuty
  readonly held: HeldResponse
  /** The duty is being done to what was sent. */
  isAnswered?: true
}

/**
 * Does its duty to what Fastify is about to send, so that hooks added later, which compress, say, find what is shown. What
 * is sent in another way is held back where it leaves.
 */
async function shown(
  { responses }: Guarding,
  { raw }: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  const owing = owed.get(raw)
  if (owing === undefined || owing.held.hasBegun || raw.method === 'HEAD' || (payload ?? '') === '')
    return payload
  const { duty, held } = owing
  // A handler that fails after its answer: Fastify answers again until the first answer has left. That one counts.
  if (owing.isAnswered === true) return new Promise(() => {})
  owing.isAnswered = true
  const answered = answeredBy(reply)
  const fulfilled = await fulfil(duty, headOfReply(reply, payload), payload, responses)
  held.release(fulfilled.kind === 'replaced' ? 'dropped' : 'kept')
  if (fulfilled.kind === 'passed') return payload
  answered.restore()
  if (payload instanceof Response) takeOver(reply, payload)
  if (fulfilled.kind === 'unchanged') return fulfilled.body
  const { by } = fulfilled
  reply.code(by.status)
  for (const name of headersOfReplaced) reply.removeHeader(name)
  setHeaders(reply, by.headers)
  return by.body
}

/** The reply's status and headers as they stand. */
function answeredBy(reply: FastifyReply): { restore(): void } {
  const { statusCode } = reply
  const headers = Object.entries(reply.getHeaders())
  return {
    restore: () => {
      reply.code(statusCode)
      for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name)
      for (const [name, value] of headers) reply.header(name, value)
    },
  }
}

function takeOver(reply: FastifyReply, { status, headers }: Response): void {
  reply.code(status)
  for (const [name, value] of headers) reply.header(name, value)
}

/** A `Response` says its own status and headers, which Fastify takes over later. */
function headOfReply(reply: FastifyReply, payload: unknown): ResponseHead {
  if (!(payload instanceof Response)) return headOf(reply.statusCode, (name) => reply.getHeader(name))
  return headOf(payload.status, (name) => payload.headers.get(name) ?? reply.getHeader(name))
}
