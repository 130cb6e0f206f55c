import { errors } from 'oidc-provider'
import type { Spent } from './limits.ts'

/** Thrown in a hook of the library, which answers it. RFC 6749 has no error of its own for it; this one fits by its text. */
export class TooManyRequests extends errors.OIDCProviderError {
  readonly spent: Spent

  constructor(spent: Spent) {
    super(429, 'temporarily_unavailable')
    this.spent = spent
    this.error_description = tooMany(spent)
  }
}

export function tooMany({ seconds }: Spent): string {
  return `too many requests; wait ${seconds} seconds`
}
