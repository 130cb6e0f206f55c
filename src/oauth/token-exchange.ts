import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import { DomainError } from '../errors.ts'
import { toldToBoth } from '../roles/assumption.ts'
import type { Service } from '../services/service.ts'
import { assumingOf } from './assuming.ts'
import { type Assumer, type Assuming, authenticatedOf, exchangeOf } from './exchange.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import { takeProof } from './library-overrides.ts'
import { accessTokenReader } from './read-access-token.ts'
import { refusedScope } from './scopes.ts'
import { signedResource } from './signed-resource.ts'
import { assumerOf } from './subject-token.ts'

export const tokenExchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

/** RFC 8693 §2.1; `assumption` is ours: its id says whose role is taken. */
const parameters = [
  'actor_token',
  'actor_token_type',
  'assumption',
  'audience',
  'requested_token_type',
  'resource',
  'scope',
  'subject_token',
  'subject_token_type',
] as const

/** RFC 8693: a principal's own token is exchanged for one of a role that another organization lets them take. */
export function registerTokenExchange(deps: IssuerDeps, service: Service, provider: Provider): void {
  const read = accessTokenReader(service, `${deps.origin}/${service.slug}`, deps.clock)
  provider.registerGrantType(
    tokenExchangeGrant,
    async (ctx) => {
      const { subjectToken, assumption } = askedIn(ctx, service)
      const authenticated = confidential(ctx)
      // RFC 7009 §2.2.1: who cannot know what has ended says so, and takes nothing for good.
      if (deps.endedTokens.isStale()) throw new DomainError('store_unavailable', 'this node is behind')
      const by = await assumerOf(deps, service, authenticated, await read(subjectToken))
      if (by === undefined) throw subjectRefused(ctx)
      const boundTo = await proofOf(provider, ctx, by)
      const { address } = exchangeOf(ctx)
      const assuming = await assumingOf(deps, service, assumption, by, address)
      if (assuming === undefined) throw new errors.InvalidTarget('there is no such assumption for you here')
      await issue(deps, service, ctx, assuming, {
        boundTo,
        scope: await scopeOf(deps, service, ctx, assuming),
      })
    },
    parameters,
    ['audience', 'resource'],
  )
}

/** What is asked for, where it has the form that it must have (RFC 8693 §2.1). */
function askedIn(ctx: KoaContextWithOIDC, service: Service) {
  const params: Readonly<Record<string, unknown>> = { ...ctx.oidc.params }
  const { subject_token: subjectToken, assumption, requested_token_type: wanted = accessTokenType } = params
  if (typeof subjectToken !== 'string' || params['subject_token_type'] === undefined)
    throw new errors.InvalidRequest('subject_token and subject_token_type are required')
  if (typeof assumption !== 'string')
    throw new errors.InvalidRequest('assumption is required: the id of what is to be assumed')
  if (params['actor_token'] !== undefined || params['actor_token_type'] !== undefined)
    throw new errors.InvalidRequest('actor_token is not taken: whoever acts is the subject')
  if (params['subject_token_type'] !== accessTokenType || wanted !== accessTokenType)
    throw new errors.InvalidRequest(`subject_token_type and requested_token_type may be ${accessTokenType}`)
  for (const name of ['audience', 'resource'])
    if (params[name] !== undefined && params[name] !== service.audience)
      throw new errors.InvalidTarget(`${name} may be ${service.audience} alone`)
  return { subjectToken, assumption }
}

/** Whoever cannot prove to be the client could exchange what they have found. */
function confidential(ctx: KoaContextWithOIDC) {
  if (exchangeOf(ctx).authenticated?.key.authentication.kind !== 'none') return authenticatedOf(ctx)
  exchangeOf(ctx).refused = 'wrong_authentication_method'
  throw new errors.UnauthorizedClient('a public client exchanges no tokens')
}

function subjectRefused(ctx: KoaContextWithOIDC): errors.InvalidRequest {
  exchangeOf(ctx).refused = 'subject_token_refused'
  return new errors.InvalidRequest(
    'subject_token must be an access token of your own at this service that is good now, neither delegated nor assumed',
  )
}

/**
 * A token that is bound to a key is of use to who holds it alone, and so is what it is exchanged for (RFC 9449 §5).
 * @returns the thumbprint that the new token is bound to
 */
async function proofOf(
  provider: Provider,
  ctx: KoaContextWithOIDC,
  { key, subject }: Assumer,
): Promise<string | undefined> {
  const thumbprint = await takeProof(provider, ctx, key.id)
  const isRequired = subject.boundTo !== undefined || ctx.oidc.client?.dpopBoundAccessTokens === true
  if (thumbprint === undefined && isRequired) throw new errors.InvalidDpopProof('a DPoP proof is required')
  if (subject.boundTo !== undefined && subject.boundTo !== thumbprint) throw subjectRefused(ctx)
  return thumbprint
}

/**
 * What narrows the role. Never less than what was asked for, quietly; and of a person never more than they have let the key
 * do: with nothing asked for, all of that.
 */
async function scopeOf(
  { records, activity }: IssuerDeps,
  service: Service,
  ctx: KoaContextWithOIDC,
  { assumption, organization, role, by }: Assuming,
): Promise<string | undefined> {
  const asked = [...ctx.oidc.requestParamScopes]
  const { consented } = by.subject
  const refused =
    asked.find((scope) => consented?.includes(scope) === false) ??
    (await refusedScope(records, service, { organization, role: role ?? assumption.role }, asked))
  const scope = (asked.length > 0 ? asked : (consented ?? [])).join(' ')
  if (refused === undefined && (scope !== '' || consented === undefined)) return scope || undefined
  activity.refused(organization.id, assumption.id, 'invalid_scope', exchangeOf(ctx).address)
  throw new errors.InvalidScope('the assumed role cannot be narrowed to that scope', refused ?? '')
}

interface Terms {
  readonly boundTo: string | undefined
  readonly scope: string | undefined
}

/** Made, told to both organizations, and only then handed out. */
async function issue(
  { clock, commit, activity }: Pick<IssuerDeps, 'clock' | 'commit' | 'activity'>,
  service: Service,
  ctx: KoaContextWithOIDC,
  assuming: Assuming,
  { boundTo, scope }: Terms,
): Promise<void> {
  const { assumption, organization, by } = assuming
  const { provider, client } = ctx.oidc
  if (client === undefined) throw new Error('a token is being exchanged for nobody')
  const exchange = exchangeOf(ctx)
  exchange.assuming = assuming
  const { accessTokenTTL, ...signing } = signedResource({ clock }, service, by.key)
  const now = Math.floor(clock() / 1000)
  const exp = Math.min(now + accessTokenTTL, now + assumption.lifeSecondsMax, by.subject.exp)
  const token = new provider.AccessToken({
    ...{ client, accountId: by.subject.id, exp, scope, gty: 'token_exchange', grantId: '' },
    ...(boundTo !== undefined && { jkt: boundTo }),
    resourceServer: new provider.ResourceServer(service.audience, { ...signing, scope: scope ?? '' }),
  })
  const value = await token.save()
  const details = {
    ...{ service_id: service.id, client_id: by.key.id, role: assumption.role },
    ...{ token_id: token.jti, expires_in: exp - now, ...(scope === undefined ? {} : { scope }) },
  }
  await commit(toldToBoth('assumption.assumed', assumption, actorOf(by, exchange), details), [])
  activity.issued(organization.id, assumption.id)
  ctx.body = {
    access_token: value,
    issued_token_type: accessTokenType,
    ...{ token_type: token.tokenType, expires_in: exp - now },
    ...(scope === undefined ? {} : { scope }),
  }
}

function actorOf(
  { organization, person, subject }: Assumer,
  { requestId, address }: { readonly requestId: string; readonly address: string },
) {
  const kind = person === undefined ? 'key' : 'user'
  return { kind, id: subject.id, organizationId: organization.id, requestId, address } as const
}
