import type { KoaContextWithOIDC } from 'oidc-provider'
import { parseId } from '../ids.ts'
import type { Service } from '../services/service.ts'
import { isGuardOf } from './client-authentication.ts'
import { exchangeOf } from './exchange.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import { answerFault, answerUnavailable } from './outcomes.ts'
import { accessTokenReader, type ReadAccessToken } from './read-access-token.ts'
import { revokeToken, type TokenClient } from './revoke-token.ts'

type Answer = (ctx: KoaContextWithOIDC) => Promise<void>

/**
 * Revocation (RFC 7009) and introspection (RFC 7662) of access tokens that are JWTs. The library authenticates the client
 * and then refuses them as `unsupported_token_type`; this answers in its place, and touches no other answer.
 */
export function structuredTokens(deps: IssuerDeps, service: Service): Answer {
  const read = accessTokenReader(service, `${deps.origin}/${service.slug}`, deps.clock)
  return async (ctx) => {
    const { endpoint, hasStructuredToken } = exchangeOf(ctx)
    if (hasStructuredToken !== true) return
    try {
      const token = await read(String(ctx.oidc.params?.['token']))
      if (endpoint === 'revocation') await revoke(deps, service, ctx, token)
      else introspect(deps, service, ctx, token)
    } catch (cause) {
      answerFault(deps, ctx, cause)
    }
  }
}

/** RFC 7009 §2.2: a token that is none, or is another client's, is answered as one that was revoked. */
async function revoke(
  deps: IssuerDeps,
  service: Service,
  ctx: KoaContextWithOIDC,
  token: ReadAccessToken | undefined,
): Promise<void> {
  const client = clientOf(ctx)
  const organizationId = parseId('org', String(token?.claims['org_id']))
  const isOwn = token?.clientId === client.id && organizationId !== undefined
  if (isOwn && !deps.endedTokens.has(token.marks)) {
    const { requestId, address, authenticated } = exchangeOf(ctx)
    const by = {
      ...{ id: client.id, requestId, address },
      kind: authenticated === undefined ? 'system' : 'key',
      organizationId: authenticated?.key.organizationId ?? service.organizationId,
    } as const
    // RFC 7009 §2.2.1: who is told 503 knows that the token still exists.
    if (!(await revokeToken(deps, by, { token, organizationId, service, client })))
      return answerUnavailable(ctx)
  }
  ctx.remove('content-type')
  ctx.status = 200
  ctx.body = ''
}

/** RFC 7662 §2.2: what the token says if it is good and the caller may see it; of any other nothing but that it is not. */
function introspect(
  { endedTokens }: IssuerDeps,
  service: Service,
  ctx: KoaContextWithOIDC,
  token: ReadAccessToken | undefined,
): void {
  if (endedTokens.isStale()) {
    answerUnavailable(ctx)
    return
  }
  const { authenticated } = exchangeOf(ctx)
  const isGuard = authenticated !== undefined && isGuardOf(service, authenticated.key)
  const isShown = token !== undefined && (isGuard || token.clientId === clientOf(ctx).id)
  ctx.status = 200
  ctx.body =
    isShown && !endedTokens.has(token.marks)
      ? { ...token.claims, active: true, token_type: token.claims['cnf'] === undefined ? 'Bearer' : 'DPoP' }
      : { active: false }
}

/** The client that the library has authenticated. */
function clientOf(ctx: KoaContextWithOIDC): TokenClient {
  const { authenticated, app } = exchangeOf(ctx)
  if (authenticated !== undefined) return { kind: 'key', id: authenticated.key.id, key: authenticated.key }
  if (app !== undefined) return { kind: 'app', id: app.id, app }
  return { kind: 'document', id: ctx.oidc.client?.clientId ?? '' }
}
