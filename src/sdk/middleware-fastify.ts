import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Admission, Gate } from './guard-answer.ts'
import { guardRequest, problemBody, problemMediaType } from './middleware.ts'
import { nodeBody } from './node-body.ts'
import type { BodyLimits } from './request-body.ts'

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
  code(status: number): unknown
  header(name: string, value: string): unknown
  send(payload?: unknown): unknown
}

/** What is used of a Fastify instance. */
interface FastifyInstance {
  decorateRequest(name: string): unknown
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>,
  ): unknown
}

/** For `register`. It guards the instance that it is registered on, and all that is registered there afterwards. */
export type FastifyPlugin = (instance: FastifyInstance) => Promise<void>

export function fastifyPlugin(gate: Gate, limits: BodyLimits): FastifyPlugin {
  const plugin: FastifyPlugin = async (instance) => {
    instance.decorateRequest('latchkey')
    instance.addHook('onRequest', (request, reply) => pass(gate, request, reply, limits))
  }
  // In the ecosystem's way: what it adds is not kept to the plugin itself.
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'latchkey',
  })
}

/** Who has been answered goes no further: Fastify sees that the reply was sent. */
async function pass(
  gate: Gate,
  request: FastifyRequest,
  reply: FastifyReply,
  limits: BodyLimits,
): Promise<unknown> {
  const body = nodeBody(request.raw, reply.raw, request, limits)
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
