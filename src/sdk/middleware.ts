import type { IncomingMessage } from 'node:http'
import type { Admission, Gate, GuardRequest, Rejection } from './guard-answer.ts'
import type { BodyLimits, RequestBody } from './request-body.ts'
import type { ResponseDuty, ResponseLimits } from './response-duty.ts'

/** What a middleware does its work with. */
export interface Guarding {
  readonly gate: Gate
  readonly bodies: BodyLimits
  readonly responses: ResponseLimits
  /** What is to be done with the response; `undefined`: nothing. */
  dutyOf(request: GuardRequest, admission: Admission): Promise<ResponseDuty | undefined>
}

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
    filtersResponse: true,
    authorization: headersNamed(request, 'authorization'),
    dpop: headersNamed(request, 'dpop'),
    address: request.socket.remoteAddress,
    forwardedFor: headers['x-forwarded-for'],
    corsHeaders: headers.origin !== undefined && headers['access-control-request-method'] !== undefined,
  }
}

/**
 * Each header of a name (lower case): `headers` keeps the first of several of many names, and is silent about the others.
 * Read from where requests have them that are only made up, in a test, too.
 */
export function headersNamed({ rawHeaders }: IncomingMessage, name: string): readonly string[] {
  const values: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const other = rawHeaders[i] ?? ''
    if (other.length === name.length && other.toLowerCase() === name) values.push(rawHeaders[i + 1] ?? '')
  }
  return values
}

/** The API must not see them, in whatever way it reads headers: they are asked of the whole response. */
export function forgetHeaders(message: IncomingMessage, { unasked }: ResponseDuty): void {
  const { headers, headersDistinct, rawHeaders } = message
  if (!unasked.some((name) => headers[name] !== undefined)) return
  for (const name of unasked) {
    delete headers[name]
    // Requests that tests make up have none.
    if (headersDistinct !== undefined) delete headersDistinct[name]
  }
  // The others are made of these when they are first read, by their number: they come last.
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2)
    if (unasked.includes((rawHeaders[i] ?? '').toLowerCase())) rawHeaders.splice(i, 2)
}
