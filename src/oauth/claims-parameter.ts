interface AskedClaims {
  readonly userinfo?: Readonly<Record<string, unknown>>
  readonly id_token?: Readonly<Record<string, unknown>>
}

/** What an authorization request asks for claim by claim (OpenID Connect Core §5.5). */
export function claimsParameter({ claims }: Readonly<Record<string, unknown>>): AskedClaims {
  // The library has refused whatever is not JSON of this form.
  return typeof claims === 'string' ? (JSON.parse(claims) as AskedClaims) : {}
}
