// The baseline: the library alone over an adapter in memory, the same kind of token. Prints where it is and whom it knows, then
// serves.
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Adapter, type AdapterPayload, Provider } from 'oidc-provider'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const signingKey = { ...privateKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' }
const audience = 'https://api.bench.example'

const clientSecret = 'a-secret-of-the-bench-that-is-long-enough'
const [idPrefix, count] = ['bench-', 10_000]
const clientIds = Array.from({ length: count }, (_, i) => `${idPrefix}${i}`)
const clients = new Map(
  clientIds.map((id): [string, AdapterPayload] => [
    id,
    {
      client_id: id,
      client_secret: clientSecret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
  ]),
)
// A machine's token as JWT is not stored, so that clients are all that is asked for.
const nothing = async () => undefined
const adapter: Adapter = {
  find: async (id) => clients.get(id),
  upsert: nothing,
  findByUserCode: nothing,
  findByUid: nothing,
  consume: nothing,
  destroy: nothing,
  revokeByGrantId: nothing,
}

const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(origin, {
    adapter: () => adapter,
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    jwks: { keys: [signingKey] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        getResourceServerInfo: () => ({
          scope: '',
          audience,
          accessTokenTTL: 900,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  })
  server.on('request', provider.callback())
  console.log(JSON.stringify({ tokenEndpoint: `${origin}/token`, idPrefix, count, clientSecret }))
})
process.on('SIGTERM', () => process.exit(0))
