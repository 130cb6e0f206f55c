import type { Context } from 'koa'
import type { Endpoint } from './endpoints.ts'

/** Where only programs go: what is answered there is JSON. */
const forPrograms: ReadonlySet<Endpoint['kind']> = new Set([
  'token',
  'revocation',
  'introspection',
  'jwks',
  'discovery',
])

/**
 * What is kept by nobody, and what a browser must be told with whatever the library itself answers it: not to frame it
 * (RFC 9700 §4.16), not to say in the next request where it came from (§4.2.4), not to guess its type. No `script-src`: a
 * form post sends itself.
 */
export function setBrowserHeaders({ response }: Pick<Context, 'response'>, endpoint: Endpoint['kind']): void {
  // RFC 6749 §5.1, RFC 9700 §4.3; what may be kept says so itself.
  if (endpoint !== 'jwks' && endpoint !== 'discovery') response.set('Cache-Control', 'no-store')
  if (forPrograms.has(endpoint)) return
  response.set({
    'Content-Security-Policy': "frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
  })
}
