import type { IncomingMessage, ServerResponse } from 'node:http'
import { DomainError } from '../errors.ts'
import { collectBody } from '../http/collect-body.ts'
import { authorizationRoute, type Endpoint, logoutRoute } from './endpoints.ts'
import { answerUnread } from './refusals.ts'

/** In characters; longer addresses do not pass every proxy on the way. */
const addressLengthMax = 8_000
const timeoutMs = 10_000

const byPost: ReadonlySet<string> = new Set([authorizationRoute, logoutRoute])

/** Whether a browser posts what is a GET otherwise: an authorization request, or one to sign out. */
export function isPosted({ method }: IncomingMessage, { route }: Endpoint): boolean {
  return method === 'POST' && byPost.has(route)
}

/**
 * Answers a request that came by POST (OpenID Connect Core §3.1.2.1, RP-Initiated Logout 1.0 §2) with a redirect to the GET
 * that means the same. What another site posts comes without our cookies, which are `SameSite=Lax`; the GET brings them. So
 * none has to be `SameSite=None`, with which they would come with whatever else other sites post.
 * @param path of the endpoint on this host, with the query that it came with
 */
export async function goOnByGet(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  try {
    const address = withQuery(path, await formIn(request))
    const headers = { Location: address, 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' }
    response.writeHead(303, { ...headers, 'X-Frame-Options': 'DENY' }).end()
  } catch (cause) {
    if (!(cause instanceof DomainError)) throw cause
    answerUnread(response, cause)
  }
}

/** @throws {DomainError} `body_too_large`, `invalid_request`, `request_timeout` */
async function formIn(request: IncomingMessage): Promise<string> {
  const body = await collectBody(request, addressLengthMax, timeoutMs)
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(request.headers['content-type'] ?? ''))
    throw new DomainError('invalid_request', 'send a form: application/x-www-form-urlencoded')
  return new URLSearchParams(body.toString('utf8')).toString()
}

function withQuery(path: string, query: string): string {
  const address = query === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${query}`
  if (address.length <= addressLengthMax) return address
  throw new DomainError('body_too_large', 'the request is too long for a browser: push it (RFC 9126)')
}
