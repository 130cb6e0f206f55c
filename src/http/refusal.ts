import { DomainError, type ErrorCode, type Fault } from '../errors.ts'

interface RefusalOptions {
  readonly fix?: string
  readonly faults?: readonly Fault[]
  readonly data?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
  /** What the refusal says in headers: `WWW-Authenticate`, `Allow`, `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A refusal that HTTP has something to add to. */
export class HttpRefusal extends DomainError {
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ErrorCode, message: string, { headers = {}, ...options }: RefusalOptions = {}) {
    super(code, message, options)
    this.name = 'HttpRefusal'
    this.headers = headers
  }
}
