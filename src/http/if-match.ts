import { DomainError } from '../errors.ts'

/** The entity tag of a version. */
export function etagOf(version: number): string {
  return `"${version}"`
}

/**
 * The version that `If-Match` asks for; `undefined` for none and for `*`.
 * @throws {DomainError} `invalid_request` if it is no entity tag (RFC 9110 §8.8.3) or more than one;
 * `precondition_failed` if it is one that no version here ever has: weak ones never match (§13.1.1)
 */
export function readIfMatch(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === '*') return undefined
  const tag = /^(W\/)?"([\x21\x23-\x7e]*)"$/.exec(header.trim())
  if (tag === null) {
    throw new DomainError('invalid_request', 'If-Match is not one entity tag.', {
      fix: 'Send the ETag of the answer that you read, with its quotes, or *.',
    })
  }
  const version = /^[1-9]\d{0,14}$/.exec(tag[2] ?? '')?.[0]
  if (tag[1] !== undefined || version === undefined) {
    throw new DomainError('precondition_failed', 'No version here has the ETag that If-Match names.', {
      fix: 'Read it again and use the ETag of that answer.',
    })
  }
  return Number(version)
}
