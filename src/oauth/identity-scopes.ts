import { claimsParameter } from './claims-parameter.ts'

/** What an app may learn of a person (OpenID Connect Core §5.4, §11); never names of roles. In words, for the page. */
export const identityScopes: Readonly<Record<string, string>> = {
  openid: 'Know who you are here',
  profile: 'See your name',
  email: 'See your e-mail address',
  offline_access: 'Go on while you are not there, without asking you to sign in again',
}

export function isIdentityScope(scope: string): boolean {
  return Object.hasOwn(identityScopes, scope)
}

/** What each of them opens (OpenID Connect Core §5.4). */
export const claimsByScope: Readonly<Record<string, string[]>> = {
  openid: ['sub'],
  profile: ['name'],
  email: ['email', 'email_verified'],
}

/** All claims that these scopes open. */
export function claimsOf(scopes: readonly string[]): string[] {
  return scopes.flatMap((scope) => claimsByScope[scope] ?? [])
}

/**
 * The scopes about the person that an authorization request needs: those that it names, and those that open what it asks
 * for claim by claim (OpenID Connect Core §5.5), so that nothing is told that the page of consent does not say.
 * @param listed the scopes that the client may ask for, as one text; `undefined`: all
 */
export function identityAsked(
  params: Readonly<Record<string, unknown>>,
  listed: string | undefined,
): readonly string[] {
  const named = new Set(String(params['scope'] ?? '').split(' '))
  const { userinfo = {}, id_token: idToken = {} } = claimsParameter(named.has('openid') ? params : {})
  const single = new Set([...Object.keys(userinfo), ...Object.keys(idToken)])
  const mayAsk = (name: string) => listed === undefined || listed.split(' ').includes(name)
  return Object.keys(identityScopes).filter(
    (name) => named.has(name) || (mayAsk(name) && claimsOf([name]).some((claim) => single.has(claim))),
  )
}
