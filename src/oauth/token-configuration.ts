import type { Configuration } from 'oidc-provider'
import type { Service } from '../services/service.ts'
import { isGuardOf } from './client-authentication.ts'
import { introspectionRoute, revocationRoute } from './endpoints.ts'
import { authenticatedOf } from './exchange.ts'

export const tokenRoutes = {
  introspection: introspectionRoute,
  revocation: revocationRoute,
}

type Features = NonNullable<Configuration['features']>

/** What is done with tokens once they are issued. */
export function tokenFeatures(service: Service) {
  return {
    introspection: {
      enabled: true,
      allowedPolicy: (ctx, client, token) =>
        token.clientId === client.clientId || isGuardOf(service, authenticatedOf(ctx).key),
    },
    // RFC 7009 §2.2: another's token is answered as one that never was.
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
  } satisfies Features
}
