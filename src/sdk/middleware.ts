import type { IncomingMessage } from 'node:http'
import type { GuardRequest, Rejection } from './guard-answer.ts'
import type { RequestBody } from './request-body.ts'

export const problemMediaType = 'application/problem+json'

export function problemBody({ problem }: Rejection): string {
  return JSON.stringify(problem)
}

/** @param target the target as the client sent it, where a framework rewrites `url` */
export function guardRequest(
  request: IncomingMessage,
  target: string | undefined,
  body: RequestBody,
): GuardRequest {
  const { headers } = request
  return {
    method: request.method ?? '',
    url: target ?? request.url ?? '',
    body,
    authorization: authorizations(request),
    dpop: request.headersDistinct['dpop'],
    address: request.socket.remoteAddress,
    forwardedFor: headers['x-forwarded-for'],
    corsHeaders: headers.origin !== undefined && headers['access-control-request-method'] !== undefined,
  }
}

/** `headers` keeps the first of several `Authorization` headers and is silent about the others. */
function authorizations({ rawHeaders }: IncomingMessage): readonly string[] {
  const values: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.length === 13 && name.toLowerCase() === 'authorization') values.push(rawHeaders[i + 1] ?? '')
  }
  return values
}
