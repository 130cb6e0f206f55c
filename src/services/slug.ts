import { DomainError } from '../errors.ts'

const pattern = /^[a-z0-9-]{3,40}$/

/**
 * A slug is the first path segment of the service's issuer, so it must not shadow what the server serves itself.
 * @throws {DomainError} `invalid_request`, `slug_reserved`
 */
export function checkSlug(slug: string, reserved: ReadonlySet<string>): void {
  if (!pattern.test(slug)) {
    const detail = 'a slug is 3 to 40 characters of a-z, 0-9 and -'
    throw new DomainError('invalid_request', detail, { faults: [{ pointer: '?slug', detail }] })
  }
  if (reserved.has(slug))
    throw new DomainError('slug_reserved', `the slug ${slug} is the server's own`, {
      fix: 'choose another',
      faults: [{ pointer: '?slug', detail: 'reserved' }],
    })
}
