/** `DPoP` is for tokens that are bound to a key (RFC 9449 §7.1). */
export type Scheme = 'Bearer' | 'DPoP'

/** What a request's `Authorization` says (RFC 6750 §2.1). Tokens in a query or a body are never read. */
export type Presented =
  | { readonly kind: 'token'; readonly scheme: Scheme; readonly token: string }
  | { readonly kind: 'none' }
  /** Not one token of a form that can be valid. */
  | { readonly kind: 'malformed'; readonly scheme: Scheme }
  /** More than one header: which one counts would depend on who reads. */
  | { readonly kind: 'several' }

/** RFC 6750 §2.1 `b64token`, cut to the three parts of a compact JWS (RFC 7515 §7.1). */
const compactJws = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** @param tokenLengthMax longer tokens are malformed, and are not looked into */
export function presentedToken(
  authorization: string | readonly string[] | undefined,
  tokenLengthMax: number,
): Presented {
  const presented = unreadToken(authorization, tokenLengthMax)
  return presented.kind === 'token' ? readToken(presented) : presented
}

/** The same without a look at the token's characters, which takes longer than to know it again. */
export function unreadToken(
  authorization: string | readonly string[] | undefined,
  tokenLengthMax: number,
): Presented {
  const value = typeof authorization === 'object' ? authorization[0] : authorization
  if (value === undefined) return none
  if (typeof authorization === 'object' && authorization.length > 1) return several
  // RFC 9110 §11.1: the scheme's name is read without case.
  const scheme = schemeOf(value)
  if (scheme === undefined) return none
  const token = value.slice(scheme.length + 1).trim()
  if (token.length <= tokenLengthMax) return { kind: 'token', scheme, token }
  return isOfSeveral(token) ? several : { kind: 'malformed', scheme }
}

type UnreadToken = Extract<Presented, { kind: 'token' }>

/** Looks at a token's characters. */
export function readToken(unread: UnreadToken): Presented {
  const { scheme, token } = unread
  if (compactJws.test(token)) return unread
  return isOfSeveral(token) ? several : { kind: 'malformed', scheme }
}

const none: Presented = Object.freeze({ kind: 'none' })
const several: Presented = Object.freeze({ kind: 'several' })

/** Fetch joins repeated headers by a comma, which no token contains. */
function isOfSeveral(token: string): boolean {
  return token.includes(',')
}

function schemeOf(value: string): Scheme | undefined {
  if (value.startsWith('Bearer ') || value.slice(0, 7).toLowerCase() === 'bearer ') return 'Bearer'
  return value.slice(0, 5).toLowerCase() === 'dpop ' ? 'DPoP' : undefined
}
