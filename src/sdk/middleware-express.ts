import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Admission, Gate } from './guard-answer.ts'
import { guardRequest, problemBody, problemMediaType } from './middleware.ts'

/** What is used of an Express (or Connect) request. */
interface ExpressRequest extends IncomingMessage {
  /** The target before any mounting. */
  readonly originalUrl?: string
  latchkey?: Admission
}

export type ExpressMiddleware = (
  request: ExpressRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

export function expressMiddleware(gate: Gate): ExpressMiddleware {
  return (request, response, next) => {
    // Only what the guard does is caught here: an error thrown by what comes next is not its own.
    passes(gate, request, response).then((goesOn) => {
      if (goesOn) next()
    }, next)
  }
}

async function passes(gate: Gate, message: ExpressRequest, response: ServerResponse): Promise<boolean> {
  const request = guardRequest(message, message.originalUrl)
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
