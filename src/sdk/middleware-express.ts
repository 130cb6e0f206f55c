import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Admission, Gate } from './guard-answer.ts'
import { guardRequest, problemBody, problemMediaType } from './middleware.ts'
import { nodeBody } from './node-body.ts'
import type { BodyLimits } from './request-body.ts'

/** What is used of an Express (or Connect) request. */
interface ExpressRequest extends IncomingMessage {
  /** The target before any mounting. */
  readonly originalUrl?: string
  /** Of a body parser that ran before; some leave a `rawBody`, too. */
  readonly body?: unknown
  latchkey?: Admission
}

export type ExpressMiddleware = (
  request: ExpressRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

export function expressMiddleware(gate: Gate, limits: BodyLimits): ExpressMiddleware {
  return (request, response, next) => {
    // Only what the guard does is caught here: an error thrown by what comes next is not its own.
    passes(gate, request, response, limits).then((goesOn) => {
      if (goesOn) next()
    }, next)
  }
}

async function passes(
  gate: Gate,
  message: ExpressRequest,
  response: ServerResponse,
  limits: BodyLimits,
): Promise<boolean> {
  const body = nodeBody(message, response, message, limits)
  const request = guardRequest(message, message.originalUrl, body)
  const metadata = await gate.metadataFor(request)
  if (metadata !== undefined) {
    response.writeHead(metadata.status, metadata.headers).end(metadata.body)
    return false
  }
  if (await gate.isPreflight(request)) return true
  const answer = await gate.check(request)
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value)
  if (answer.allowed) {
    message.latchkey = answer
    return true
  }
  response.statusCode = answer.status
  response.setHeader('content-type', problemMediaType)
  response.end(problemBody(answer))
  return false
}
