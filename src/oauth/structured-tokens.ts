import type { KoaContextWithOIDC } from 'oidc-provider'
import { actorOf } from '../audit/actor.ts'
import { parseId } from '../ids.ts'
import type { Service } from '../services/service.ts'
import { isGuardOf } from './client-authentication.ts'
import { authenticatedOf, exchangeOf } from './exchange.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import { answerFault, answerUnavailable } from './outcomes.ts'
import { accessTokenReader, type ReadAccessToken } from './read-access-token.ts'
import { revokeToken } from './revoke-token.ts'

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
  const { key } = authenticatedOf(ctx)
  if (token !== undefined && token.clientId === key.id && !deps.endedTokens.has(token.marks)) {
    const { requestId, address } = exchangeOf(ctx)
    const by = actorOf({ kind: 'key', id: key.id, organizationId: key.organizationId, requestId, address })
    const organizationId = parseId('org', String(token.claims['org_id'])) ?? key.organizationId
    await revokeToken(deps, by, { token, organizationId, service, key })
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
  const { key } = authenticatedOf(ctx)
  const isShown = token !== undefined && (token.clientId === key.id || isGuardOf(service, key))
  ctx.status = 200
  ctx.body =
    isShown && !endedTokens.has(token.marks)
      ? { ...token.claims, active: true, token_type: token.claims['cnf'] === undefined ? 'Bearer' : 'DPoP' }
      : { active: false }
}
