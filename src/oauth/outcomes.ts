import type Koa from 'koa'
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import { type RefusalReason, refusalReasons } from '../audit/activity.ts'
import { hasCode } from '../errors.ts'
import { arrivalOf } from '../http/arrival.ts'
import { exchangeOf } from './exchange.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import { tell } from './limits.ts'
import { TooManyRequests } from './too-many-requests.ts'

/** Seconds after which a caller may try again when the store is gone. */
const retryAfterSeconds = 2

type Deps = Pick<IssuerDeps, 'activity' | 'limits' | 'onFault'>

/** Tells activity how each token request ended, and completes the answers that the library gives. */
export function listenTo(provider: Provider, deps: Deps): void {
  provider.on('grant.success', (ctx) => {
    const { key } = exchangeOf(ctx)
    if (key !== undefined) deps.activity.issued(key.organizationId, key.id)
  })
  provider.on('grant.error', (ctx, error) => refused(deps, ctx, error))
  const structuredOrRefused = (ctx: KoaContextWithOIDC, error: errors.OIDCProviderError) => {
    if (error instanceof errors.UnsupportedTokenType) exchangeOf(ctx).hasStructuredToken = true
    else refused(deps, ctx, error)
  }
  provider.on('revocation.error', structuredOrRefused)
  provider.on('introspection.error', structuredOrRefused)
  const alsoRefused = (ctx: KoaContextWithOIDC, error: errors.OIDCProviderError) => refused(deps, ctx, error)
  provider.on('pushed_authorization_request.error', alsoRefused)
  provider.on('device_authorization.error', alsoRefused)
  provider.on('registration_create.error', alsoRefused)
  provider.on('backchannel.error', (ctx, error) => deps.onFault(error, exchangeOf(ctx).requestId))
  provider.on('server_error', (ctx, error) => answerFault(deps, ctx, error))
  // Koa prints what nobody listens to. The types of the provider's own events hide those that it has from Koa.
  const app: Koa = provider
  app.on('error', (error: unknown, ctx: Koa.Context) => deps.onFault(error, arrivalOf(ctx.req).requestId))
}

function refused({ activity, limits }: Deps, ctx: KoaContextWithOIDC, error: errors.OIDCProviderError): void {
  const exchange = exchangeOf(ctx)
  const { key, address } = exchange
  if (error instanceof TooManyRequests) tell(ctx.res, error.spent)
  else if (isTooLarge(error)) {
    ctx.status = 413
    ctx.set('connection', 'close')
  } else if (error.error === 'invalid_client') limits.failed(address, key?.id ?? exchange.app?.id)
  if (key !== undefined)
    activity.refused(key.organizationId, key.id, exchange.refused ?? reasonOf(error), address)
}

/** What went wrong on our side: the store that is gone, or a fault. */
export function answerFault(
  { onFault }: Pick<Deps, 'onFault'>,
  ctx: KoaContextWithOIDC,
  cause: unknown,
): void {
  onFault(cause, exchangeOf(ctx).requestId)
  if (hasCode(cause, 'store_unavailable')) {
    answerUnavailable(ctx)
    return
  }
  ctx.status = 500
  ctx.body = { error: 'server_error', error_description: 'the fault is ours' }
}

export function answerNotFound(ctx: Koa.Context): void {
  ctx.status = 404
  ctx.set('cache-control', 'no-store')
  ctx.body = { error: 'invalid_request', error_description: 'there is nothing at this address' }
}

export function answerUnavailable(ctx: KoaContextWithOIDC): void {
  ctx.status = 503
  ctx.set('retry-after', String(retryAfterSeconds))
  ctx.body = { error: 'temporarily_unavailable', error_description: 'try again in a moment' }
}

/** The library's body reader tells it by this text alone. */
function isTooLarge(error: Error): boolean {
  return error.cause instanceof Error && error.cause.message === 'request entity too large'
}

function reasonOf(error: errors.OIDCProviderError): RefusalReason {
  if (error instanceof TooManyRequests) return 'rate_limited'
  if (error.error === 'invalid_client') return 'assertion_refused'
  return refusalReasons.find((reason) => reason === error.error) ?? 'invalid_request'
}
