import type { KoaContextWithOIDC } from 'oidc-provider'
import { exchangeOf } from './exchange.ts'
import { apiScopesMember } from './registration.ts'

/**
 * What an app that registered itself is told of itself (RFC 7591 §3.2.1): its scopes in one list, and its secret only
 * when it was just made. The library would show the placeholder that it has for one.
 */
export function presentRegistration(ctx: KoaContextWithOIDC): void {
  if (ctx.status >= 300 || typeof ctx.body !== 'object' || ctx.body === null) return
  const said: Record<string, unknown> = { ...ctx.body }
  const {
    [apiScopesMember]: apiScopes,
    scope,
    client_secret: secret,
    client_secret_expires_at: _end,
    ...rest
  } = said
  const isNew = ctx.method === 'POST' || exchangeOf(ctx).hasNewSecret === true
  ctx.body = {
    ...rest,
    scope: [scope, apiScopes].filter((text) => typeof text === 'string' && text !== '').join(' '),
    // 0: it does not expire.
    ...(isNew && secret !== undefined && { client_secret: secret, client_secret_expires_at: 0 }),
  }
}
