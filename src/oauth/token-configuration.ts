import type { Configuration } from 'oidc-provider'
import type { Service } from '../services/service.ts'
import { signInOf } from '../services/sign-in.ts'
import type { ArtifactDeps } from './artifact-adapter.ts'
import { isGuardOf } from './client-authentication.ts'
import { introspectionRoute, revocationRoute } from './endpoints.ts'
import { authenticatedOf } from './exchange.ts'

export const tokenRoutes = {
  introspection: introspectionRoute,
  revocation: revocationRoute,
}

/** Metadata of clients that do not say otherwise. */
export function tokenClientDefaults(service: Service) {
  return { dpop_bound_access_tokens: signInOf(service).requireDpop } satisfies Configuration['clientDefaults']
}

type Features = NonNullable<Configuration['features']>

/** What is done with tokens once they are issued. */
export function tokenFeatures({ secrets }: Pick<ArtifactDeps, 'secrets'>, service: Service) {
  return {
    dPoP: {
      enabled: true,
      // A nonce is offered, and taken in place of a time that is too far from ours (RFC 9449 §8).
      nonceSecret: Buffer.from(secrets.digest('nonces', service.id), 'base64url'),
      requireNonce: () => false,
    },
    introspection: {
      enabled: true,
      allowedPolicy: (ctx, client, token) =>
        token.clientId === client.clientId || isGuardOf(service, authenticatedOf(ctx).key),
    },
    // RFC 7009 §2.2: another's token is answered as one that never was.
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
  } satisfies Features
}
