import type { KoaContextWithOIDC } from 'oidc-provider'

/** How a request proves who it is: by a secret, with a signed assertion, or not at all. */
export type Presented =
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'assertion' }
  | { readonly kind: 'nothing' }

/**
 * Reads what the library has already found well-formed when it asks for the client: one mechanism, and with Basic a
 * header that decodes (RFC 6749 §2.3.1: form-encoded, then base64).
 */
export function presentedBy(ctx: KoaContextWithOIDC): Presented {
  const { client_secret: posted, client_assertion: assertion } = ctx.oidc.params ?? {}
  if (typeof posted === 'string' && posted !== '') return { kind: 'secret', secret: posted }
  const basic = ctx.headers.authorization
  if (basic !== undefined) return { kind: 'secret', secret: basicSecret(basic) }
  return { kind: assertion === undefined ? 'nothing' : 'assertion' }
}

function basicSecret(header: string): string {
  const pair = Buffer.from(header.slice(header.indexOf(' ') + 1), 'base64').toString()
  const encoded = pair.slice(pair.indexOf(':') + 1)
  return decodeURIComponent(encoded.replaceAll('+', '%20'))
}
