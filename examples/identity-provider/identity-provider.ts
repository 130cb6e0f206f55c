import { generateKeyPairSync, type JsonWebKey, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Provider } from 'oidc-provider'
import { memory } from './memory.ts'
import { findPerson, type Person } from './people.ts'
import { show, signedOutPage, signInPages, signOutPage, tellEndedSignIns } from './sign-in-pages.ts'

export interface IdentityProviderOptions {
  /** Whose provider it is: its pages say so. */
  readonly name: string
  readonly people: readonly Person[]
  readonly port: number
}

/**
 * A customer's own OpenID Connect provider, as small as one can be: in place of the Entra ID, Okta or Keycloak that a
 * real organization has. It knows nothing of Latchkey, which is a client of it like any other, and keeps all in memory.
 */
export async function startIdentityProvider({ name, people, port }: IdentityProviderOptions) {
  const issuer = `http://localhost:${port}`
  const registrationToken = randomBytes(24).toString('base64url')
  const provider: Provider = new Provider(issuer, {
    adapter: memory(),
    jwks: { keys: [signingKey()] },
    findAccount: (_ctx, id) => {
      const person = people.find((one) => one.id === id)
      return person && { accountId: id, claims: () => claimsOf(person) }
    },
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'], groups: ['groups'] },
    // What the scopes name stands in the ID token too, as with most companies' providers.
    conformIdTokenClaims: false,
    // Cookies know no ports: names of its own keep it apart from other servers on `localhost`.
    cookies: {
      keys: [randomBytes(32).toString('base64')],
      names: { session: 'idp_session', interaction: 'idp_interaction', resume: 'idp_resume' },
    },
    interactions: { url: (_ctx, { uid }) => `/sign-in/${uid}` },
    // Its clients are the organization's own, so nobody is asked for consent.
    loadExistingGrant: async (ctx) => {
      const { client, session } = ctx.oidc
      if (client === undefined || session?.accountId === undefined) return undefined
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
      grant.addOIDCScope('openid profile email groups')
      await grant.save()
      return grant
    },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => show(ctx, signOutPage(name, form)),
        postLogoutSuccessSource: (ctx) => show(ctx, signedOutPage(name)),
      },
      // How its administrator registers a client (RFC 7591), and changes one (RFC 7592).
      registration: { enabled: true, initialAccessToken: registrationToken },
      registrationManagement: { enabled: true },
    },
    ttl: { Session: 3600, Interaction: 600, Grant: 3600, IdToken: 600, AccessToken: 600 },
  })
  provider.use(tellEndedSignIns(name))
  provider.use(signInPages(provider, name, (email, password) => findPerson(people, email, password)).routes())
  const server = provider.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    issuer,
    /** Opens client registration, at `/reg`. */
    registrationToken,
    close(): void {
      server.closeAllConnections()
      server.close()
    },
  }
}

function claimsOf({ id, email, name, groups }: Person) {
  return { sub: id, email, email_verified: true, name, groups }
}

/** RS256 is what every client can verify (OpenID Connect Core §15.1). */
function signingKey(): JsonWebKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' }
}
