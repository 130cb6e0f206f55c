import type { Service } from '../services/service.ts'

/**
 * The API's audience by the name that the service has for it, however an address may be written that is the same: clients
 * that parse a resource (RFC 8707) as a URL add a slash to a bare host (RFC 3986 §6.2.3).
 */
export function resourceNames({ audience }: Service): (given: string) => string {
  const href = URL.parse(audience)?.href
  return (given) => (href !== undefined && URL.parse(given)?.href === href ? audience : given)
}
