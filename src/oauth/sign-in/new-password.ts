import type { DomainError } from '../../errors.ts'
import { passwordLengthMin } from '../../users/password-rules.ts'

/** What is asked of a new password, in sentences. */
export const passwordRules = [
  `At least ${passwordLengthMin} characters: a few words that do not belong together will do.`,
  'Not one that many people use. Spaces and every kind of letter are welcome.',
]

/** Why a password will not do, and what would: a sentence each, whether or not they end as one. */
export function whyRefused({ message, fix }: DomainError): string {
  return [message, fix]
    .filter((part) => part !== undefined)
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1).replace(/\.$/, ''))
    .join('. ')
}
