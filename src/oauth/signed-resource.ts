import type { ClientKey } from '../client-keys/client-key.ts'
import type { Clock } from '../clock.ts'
import type { Service } from '../services/service.ts'
import { tokenTtlSeconds } from './claims.ts'

/** How the service signs a token that the key gets, and how long it lives. */
export function signedResource(
  { clock }: { readonly clock: Clock },
  service: Service,
  key: ClientKey | undefined,
) {
  const active = service.signingKeys.find((signing) => signing.state.kind === 'active')
  if (active === undefined) throw new Error(`the service ${service.slug} has no active signing key`)
  return {
    audience: service.audience,
    accessTokenTTL:
      key === undefined ? service.accessTokenTtlSeconds : tokenTtlSeconds(service, key, clock()),
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: active.algorithm, kid: active.id } },
  } as const
}
