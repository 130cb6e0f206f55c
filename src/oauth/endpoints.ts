/** An endpoint of an issuer that works today: the library's route, and the methods it answers. */
export interface Endpoint {
  readonly kind:
    | 'authorization'
    | 'device'
    | 'device-authorization'
    | 'discovery'
    | 'introspection'
    | 'jwks'
    | 'logo'
    | 'logout'
    | 'pushed'
    | 'registration'
    | 'revocation'
    | 'sign-in'
    | 'token'
    | 'userinfo'
  /** The library's own path, below the issuer's. */
  readonly route: string
  readonly methods: readonly string[]
}

/** Where a request belongs. */
export interface Destination {
  readonly slug: string
  readonly endpoint: Endpoint
}

const reading = ['GET', 'HEAD', 'OPTIONS']
const openidConfiguration = '/.well-known/openid-configuration'
const authorizationServer = '/.well-known/oauth-authorization-server'

export const authorizationRoute = '/oauth/authorize'
/** Our own pages: signing in, consent, one's own sessions. */
export const signInRoute = '/login'
export const tokenRoute = '/oauth/token'
export const jwksRoute = '/oauth/jwks'
export const revocationRoute = '/oauth/revoke'
export const introspectionRoute = '/oauth/introspect'
export const userinfoRoute = '/oauth/userinfo'
export const pushedRoute = '/oauth/par'
export const deviceAuthorizationRoute = '/oauth/device'
/** Where a person types the code of a device; short, since it is typed, too. */
export const deviceRoute = '/device'
export const logoutRoute = '/oauth/logout'
export const registrationRoute = '/oauth/register'

const jwks: Endpoint = { kind: 'jwks', route: jwksRoute, methods: reading }
function posted(kind: Endpoint['kind'], route: string): readonly [string, Endpoint] {
  return [route, { kind, route, methods: ['POST', 'OPTIONS'] }]
}
const openid: Endpoint = { kind: 'discovery', route: openidConfiguration, methods: reading }
const oauth: Endpoint = { kind: 'discovery', route: authorizationServer, methods: reading }

const authorization: Endpoint = { kind: 'authorization', route: authorizationRoute, methods: ['GET'] }
/** By POST only where the service lets requests come so. */
const authorizationRequest: Endpoint = { ...authorization, methods: ['GET', 'POST'] }
const logo: Endpoint = { kind: 'logo', route: '/logo', methods: ['GET', 'HEAD'] }
const signIn: Endpoint = { kind: 'sign-in', route: signInRoute, methods: ['GET', 'POST'] }

const device: Endpoint = { kind: 'device', route: deviceRoute, methods: ['GET', 'POST'] }
const logout: Endpoint = { kind: 'logout', route: logoutRoute, methods: ['GET', 'POST'] }
/** What an app that registered itself does with its own record (RFC 7592). */
const registered: Endpoint = {
  kind: 'registration',
  route: registrationRoute,
  methods: ['GET', 'PUT', 'DELETE'],
}

const endpoints: ReadonlyMap<string, Endpoint> = new Map([
  [authorizationRoute, authorizationRequest],
  [signInRoute, signIn],
  [logo.route, logo],
  posted('token', tokenRoute),
  posted('revocation', revocationRoute),
  posted('introspection', introspectionRoute),
  posted('pushed', pushedRoute),
  posted('device-authorization', deviceAuthorizationRoute),
  [userinfoRoute, { kind: 'userinfo', route: userinfoRoute, methods: ['GET', 'POST', 'OPTIONS'] }],
  [deviceRoute, device],
  [logoutRoute, logout],
  [registrationRoute, { kind: 'registration', route: registrationRoute, methods: ['POST'] }],
  [jwksRoute, jwks],
  ['/.well-known/jwks.json', jwks],
  [openidConfiguration, openid],
  [authorizationServer, oauth],
])

/** Those that have paths of their own below them, whose letter case counts. */
const withPathsBelow: readonly Endpoint[] = [authorization, signIn, device, logout, registered]

// RFC 8414 §3.1 puts the well-known segment before the issuer's path; the library, being mounted, never sees that form.
const forms: readonly Endpoint[] = [oauth, openid]

/**
 * Which endpoint of which issuer a path means; `undefined` for none. Like the library's router, it takes any letter case
 * and one trailing slash after the slug, so that no spelling passes the limits; slugs are lower case.
 */
export function destinationOf(path: string): Destination | undefined {
  if (path.charCodeAt(1) === 0x2e /* . */) return wellKnown(path)
  const end = path.indexOf('/', 1)
  if (end < 2) return undefined
  const rest = path.slice(end)
  const endpoint = endpoints.get(rest) ?? endpoints.get(fold(rest)) ?? below(rest)
  return endpoint && { slug: path.slice(1, end), endpoint }
}

function below(path: string): Endpoint | undefined {
  const above = withPathsBelow.find(({ route }) => path.startsWith(`${route}/`))
  return above && { ...above, route: path }
}

function wellKnown(path: string): Destination | undefined {
  const folded = fold(path)
  for (const endpoint of forms) {
    if (!folded.startsWith(`${endpoint.route}/`)) continue
    // Not from the folded path: a slug's letter case counts.
    const slug = path.slice(endpoint.route.length + 1, folded.length)
    return slug === '' || slug.includes('/') ? undefined : { slug, endpoint }
  }
  return undefined
}

function fold(path: string): string {
  return (path.endsWith('/') ? path.slice(0, -1) : path).toLowerCase()
}
