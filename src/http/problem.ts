import { DomainError, type ErrorCode, type Fault } from '../errors.ts'
import { maskSecrets } from '../sdk/mask-secrets.ts'
import { HttpRefusal } from './refusal.ts'
import { absence, statusOf, titleOf } from './status.ts'

export const problemMediaType = 'application/problem+json'

/** An answer that says what went wrong, ready to be written. */
export interface Problem {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON: RFC 9457 with `code`, `fix`, `errors` and `request_id`. */
  readonly body: string
}

/** The answer to any error. What is not a `DomainError` is `internal`, and nothing of it is told. */
export function problemOf(error: unknown, requestId: string): Problem {
  const known = error instanceof DomainError ? error : internal
  const members = {
    ...known.data,
    // Absolute path, as RFC 9457 §3.1.1 advises for a relative reference: the reference page explains each code.
    type: `/docs#problem-${known.code}`,
    title: titleOf[known.code],
    status: statusOf[known.code],
    code: known.code,
    detail: absence(known.code) ?? known.message,
    ...(known.fix === undefined ? {} : { fix: known.fix }),
    ...(known.faults.length === 0 ? {} : { errors: known.faults.map(wireFault) }),
    request_id: requestId,
  }
  return {
    status: statusOf[known.code],
    headers: { 'Cache-Control': 'no-store', ...retryAfter(known.code), ...headersOf(known) },
    body: maskSecrets(JSON.stringify(members)),
  }
}

const internal = new DomainError('internal', 'Something went wrong on this side. It has been logged.', {
  fix: 'Try again; if it stays, give the operator the request_id.',
})

function wireFault({ pointer, detail, fix }: Fault): Record<string, string> {
  return { pointer, detail, ...(fix === undefined ? {} : { fix }) }
}

function retryAfter(code: ErrorCode): Record<string, string> {
  return statusOf[code] === 503 ? { 'Retry-After': '1' } : {}
}

function headersOf(error: DomainError): Readonly<Record<string, string>> {
  return error instanceof HttpRefusal ? error.headers : {}
}
