import type { ServerResponse } from 'node:http'
import type { DomainError } from '../errors.ts'
import { arrivalOf } from '../http/arrival.ts'
import { statusOf } from '../http/status.ts'
import { type Spent, tell } from './limits.ts'
import { isForPeople, write } from './pages.ts'
import { tooMany } from './too-many-requests.ts'

/** Answers given before the library is asked, in the form that it would give them (RFC 6749 §5.2); to people, a page. */

export function answerMethodNotAllowed(response: ServerResponse, methods: readonly string[]): void {
  response.setHeader('allow', methods.join(', '))
  refuse(response, 405, 'invalid_request', `use ${methods[0]}`)
}

/** To a request that could not be read. */
export function answerUnread(response: ServerResponse, { code, message }: DomainError): void {
  response.setHeader('connection', 'close')
  refuse(response, statusOf[code], 'invalid_request', message)
}

export function answerTooLarge(response: ServerResponse): void {
  // What is left of the body is not waited for.
  response.setHeader('connection', 'close')
  refuse(response, 413, 'invalid_request', 'the body is too large')
}

/** @param storeIsGone if not, the fault is ours and trying again may not help */
export function answerFault(response: ServerResponse, storeIsGone: boolean): void {
  if (!storeIsGone) {
    refuse(response, 500, 'server_error', 'the fault is ours; it has been noted under this request id')
    return
  }
  response.setHeader('retry-after', '2')
  refuse(response, 503, 'temporarily_unavailable', 'try again in a moment')
}

export function answerTooMany(response: ServerResponse, spent: Spent): void {
  tell(response, spent)
  refuse(response, 429, 'temporarily_unavailable', tooMany(spent))
}

function refuse(response: ServerResponse, status: number, error: string, description: string): void {
  if (isForPeople(response.req)) {
    const heading = status === 503 ? 'Not available now' : 'This did not work'
    // Whose page it is may be what could not be read.
    const page = { kind: 'error', brand: { name: 'Sign-in' }, heading, what: description } as const
    const fix = 'Go back to the app and try again in a moment.'
    write(response, { ...page, fix, requestId: arrivalOf(response.req).requestId }, status)
    return
  }
  response.statusCode = status
  response.setHeader('cache-control', 'no-store')
  response.setHeader('content-type', 'application/json; charset=utf-8')
  response.end(JSON.stringify({ error, error_description: description }))
}
