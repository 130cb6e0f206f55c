// The baseline: the library alone over an adapter in memory, set to give the same kinds of tokens. Prints where it is and
// whom it knows, as a BareProvider, then serves.
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Adapter, type AdapterPayload, type Configuration, Provider } from 'oidc-provider'
import type { BareProvider } from './bare-library.ts'
import { inMemory } from './bare-memory.ts'
import type { AppAt } from './load-flows.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const signingKey = { ...privateKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' }
const audience = 'https://api.bench.example'
const apiScope = 'reader'

const clientSecret = 'a-secret-of-the-bench-that-is-long-enough'
const [idPrefix, count] = ['bench-', 10_000]
const clientIds = Array.from({ length: count }, (_, i) => `${idPrefix}${i}`)
const machines = clientIds.map(
  (id): AdapterPayload => ({
    ...{ client_id: id, client_secret: clientSecret },
    ...{ grant_types: ['client_credentials'], redirect_uris: [], response_types: [] },
  }),
)
const redirectUri = 'https://app.bench.example/callback'
const app: AdapterPayload & { client_id: string } = {
  ...{ client_id: 'app', client_secret: clientSecret },
  ...{ grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] },
  redirect_uris: [redirectUri],
}
const clients = new Map<string, AdapterPayload>(
  [...machines, app].map((client) => [client.client_id ?? '', client]),
)
const nothing = async () => undefined
const clientAdapter: Adapter = {
  find: async (id) => clients.get(id),
  ...{ upsert: nothing, findByUserCode: nothing, findByUid: nothing },
  ...{ consume: nothing, destroy: nothing, revokeByGrantId: nothing },
}

const configuration: Configuration = {
  adapter: (model) => (model === 'Client' ? clientAdapter : inMemory(model)),
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  jwks: { keys: [signingKey] },
  findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  ttl: {
    Grant: 28_800,
    AccessToken: 900,
    IdToken: 900,
    RefreshToken: 2_592_000,
    Session: 28_800,
    AuthorizationCode: 60,
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      useGrantedResource: (_ctx, { scopes }) => scopes.has(apiScope),
      getResourceServerInfo: (ctx) => ({
        scope: ctx.oidc.params?.['grant_type'] === 'client_credentials' ? '' : apiScope,
        audience,
        accessTokenTTL: 900,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
}

/** People as if they had signed in and consented before. Answers what their browsers send. */
async function signedIn(provider: Provider, count: number): Promise<readonly string[]> {
  const cookies: string[] = []
  for (let i = 0; i < count; i++) {
    const accountId = `person-${i}`
    const grant = new provider.Grant({ accountId, clientId: app.client_id })
    grant.addOIDCScope('openid')
    grant.addResourceScope(audience, apiScope)
    const session = new provider.Session()
    session.exp = Math.floor(Date.now() / 1_000) + 28_800
    session.loginAccount({ accountId })
    session.ensureClientContainer(app.client_id)
    session.grantIdFor(app.client_id, await grant.save())
    await session.persist()
    cookies.push(`_session=${session.jti}`)
  }
  return cookies
}

const server = createServer()
server.listen(0, '127.0.0.1', async () => {
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(origin, configuration)
  server.on('request', provider.callback())
  const tokenEndpoint = `${origin}/token`
  const appAt: AppAt = {
    ...{ authorizationEndpoint: `${origin}/auth`, tokenEndpoint, clientId: app.client_id },
    ...{ introspectionEndpoint: `${origin}/token/introspection`, userinfoEndpoint: `${origin}/me` },
    authorization: `Basic ${Buffer.from(`${app.client_id}:${clientSecret}`).toString('base64')}`,
    redirectUri,
  }
  const known: BareProvider = {
    tokenEndpoint,
    ...{ idPrefix, count, clientSecret },
    people: { app: appAt, cookies: await signedIn(provider, 8) },
  }
  console.log(JSON.stringify(known))
})
process.on('SIGTERM', () => process.exit(0))
