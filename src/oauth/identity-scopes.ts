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
