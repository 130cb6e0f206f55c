import { DomainError } from '../errors.ts'
import { type Domain, txtName } from './domain.ts'

/** Reads TXT records as `node:dns/promises` does: a list of texts each, or a rejection with the resolver's `code`. */
export type ResolveTxt = (name: string) => Promise<readonly (readonly string[])[]>

/** The name is not there, or has no TXT record: an answer, where all other codes are the lack of one. */
const absences: readonly unknown[] = ['ENOTFOUND', 'ENODATA']

/**
 * What the domain publishes where its proof belongs; none if nothing is there.
 * @throws {DomainError} `domain_unproven` if its name servers did not answer
 */
export async function publishedTxt(resolveTxt: ResolveTxt, domain: Domain): Promise<readonly string[]> {
  const name = txtName(domain)
  try {
    // RFC 7208 §3.3: a record longer than 255 characters comes in parts.
    return (await resolveTxt(name)).map((parts) => parts.join('').trim())
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (absences.includes(code)) return []
    throw noAnswer(name, cause)
  }
}

function noAnswer(name: string, cause: unknown): DomainError {
  return new DomainError('domain_unproven', `the name servers of ${name} gave no answer`, {
    fix: 'check that the domain is delegated to name servers that answer, then ask again',
    cause,
  })
}
