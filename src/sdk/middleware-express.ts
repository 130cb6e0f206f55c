import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Admission } from './guard-answer.ts'
import { HeldResponse } from './held-response.ts'
import { forgetHeaders, type Guarding, guardRequest, problemBody, problemMediaType } from './middleware.ts'
import { nodeBody } from './node-body.ts'

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

export function expressMiddleware(guarding: Guarding): ExpressMiddleware {
  return (request, response, next) => {
    // Only what the guard does is caught here: an error thrown by what comes next is not its own.
    passes(guarding, request, response).then((goesOn) => {
      if (goesOn) next()
    }, next)
  }
}

async function passes(
  guarding: Guarding,
  message: ExpressRequest,
  response: ServerResponse,
): Promise<boolean> {
  const { gate } = guarding
  const body = nodeBody(message, response, message, guarding.bodies)
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
    const duty = await guarding.dutyOf(request, answer)
    if (duty !== undefined) {
      forgetHeaders(message, duty)
      new HeldResponse(response, duty, guarding.responses)
    }
    return true
  }
  response.statusCode = answer.status
  response.setHeader('content-type', problemMediaType)
  response.end(problemBody(answer))
  return false
}
