/**
 * Why no token could be had. `invalid_client`, `invalid_scope` and the like are the server's (RFC 6749 §5.2);
 * `unreachable` is the network's, `unexpected_answer` says that something else than a token endpoint answered.
 */
export class TokenError extends Error {
  override readonly name: string = 'TokenError'
  readonly code: string
  /** Asking again with the same key and scope will not help. */
  readonly isFinal: boolean
  /** The server asked not to be asked again before. */
  readonly retryAfterSeconds: number | undefined

  constructor(message: string, options: TokenErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = options.code
    this.isFinal = options.isFinal ?? false
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

interface TokenErrorOptions {
  readonly code: string
  readonly isFinal?: boolean
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}
