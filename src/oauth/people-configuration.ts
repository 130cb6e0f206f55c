import {
  type Adapter,
  type Configuration,
  type KoaContextWithOIDC,
  Provider,
  type ResourceServer,
} from 'oidc-provider'
import type { EpochMs } from '../clock.ts'
import type { Consent } from '../consents/consent.ts'
import { endConsent } from '../consents/end-consent.ts'
import type { ServiceId } from '../ids.ts'
import type { Service } from '../services/service.ts'
import { signInOf } from '../services/sign-in.ts'
import { findAccount, personOf } from './account.ts'
import type { ArtifactDeps } from './artifact-adapter.ts'
import { personClaims } from './claims.ts'
import { cookieKeys, cookieNames } from './cookies.ts'
import { signInRoute } from './endpoints.ts'
import { exchangeOf } from './exchange.ts'
import { grantAdapter } from './grants.ts'
import { identityScopes, isIdentityScope } from './identity-scopes.ts'
import { interactionPolicy, rememberedGrant } from './interaction-policy.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import { delegableScopes } from './usable-scopes.ts'

const codeSeconds = 60
/** For so long a person may take to sign in and decide. */
const interactionSeconds = 1800
const idTokenSeconds = 900

/** What the library asks for once people come: the code flow, their sessions, accounts and consents. */
export function peopleConfiguration(deps: IssuerDeps, service: Service) {
  const { slug } = service
  return {
    scopes: Object.keys(identityScopes),
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    responseTypes: ['code'],
    // RFC 9700 §4.1.3: what was registered, letter by letter, and always said.
    allowOmittingSingleRegisteredRedirectUri: false,
    pkce: { required: () => true },
    extraParams: ['organization', 'domain_hint', 'connection'],
    cookies: {
      keys: [...cookieKeys(deps.secrets, service.id)],
      names: cookieNames(deps.origin, slug),
      long: { httpOnly: true, sameSite: 'lax', path: '/' },
      short: { httpOnly: true, sameSite: 'lax' },
    },
    findAccount: (_ctx, accountId) => findAccount(deps.records, accountId),
    loadExistingGrant: (ctx) => rememberedGrant(deps, service, ctx),
    interactions: {
      policy: interactionPolicy(deps, service),
      url: (_ctx, { uid }) => `/${slug}${signInRoute}/${uid}`,
    },
  } satisfies Configuration
}

/** In seconds. */
export function peopleTtl({ clock }: IssuerDeps, service: Service) {
  return {
    AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? service.accessTokenTtlSeconds,
    AuthorizationCode: codeSeconds,
    IdToken: idTokenSeconds,
    Interaction: interactionSeconds,
    Session: (_ctx, session) => sessionSeconds(service, session.loginTs, clock()),
  } satisfies Configuration['ttl']
}

/** A session ends when nobody has used it for a while, and some time after the sign-in whatever is done with it. */
function sessionSeconds(service: Service, signedInAt: number | undefined, nowMs: EpochMs): number {
  if (signedInAt === undefined) return interactionSeconds
  const { sessionIdleSeconds, sessionAbsoluteSeconds } = signInOf(service)
  const left = signedInAt + sessionAbsoluteSeconds - Math.floor(nowMs / 1000)
  return Math.max(1, Math.min(sessionIdleSeconds, left))
}

/** The scopes of the one API that apps may ask people for; what else a request names is left out and told in `scope`. */
export function delegatedResource(service: Service, signed: Omit<ResourceServer, 'scope'>): ResourceServer {
  return { ...signed, scope: delegableScopes(service).join(' ') }
}

/** Whether a code or refresh token was granted anything at the API; if not, what it buys is for userinfo alone. */
export function isForApi(scopes: ReadonlySet<string>): boolean {
  return [...scopes].some((scope) => !isIdentityScope(scope))
}

/** Claims of an access token that an app gets for a person. */
export function delegatedClaims(service: Service, ctx: KoaContextWithOIDC): Record<string, unknown> {
  const { AuthorizationCode, RefreshToken, DeviceCode } = ctx.oidc.entities
  const source = AuthorizationCode ?? RefreshToken ?? DeviceCode
  return personClaims(service, personOf(ctx), exchangeOf(ctx).authenticated, source ?? {})
}

/** The library's grants, which are our consents. What it destroys is one whose code or refresh token has leaked. */
export function consentAdapter(deps: IssuerDeps, service: Service): Adapter {
  const destroyArtifacts = ({ id }: Consent) => destroyGrant(deps, service.id, id)
  return grantAdapter(deps.storedRecords, service, (consent) => {
    const { organizationId, clientId } = consent
    const { ctx } = Provider
    const requestId = ctx === undefined ? 'none' : exchangeOf(ctx).requestId
    const by = { kind: 'system', id: clientId, organizationId, requestId } as const
    return endConsent({ ...deps, destroyArtifacts }, by, consent, 'used_twice')
  })
}

/** Codes and tokens that a grant has bought, under whichever deployment secret they were kept. */
async function destroyGrant(
  { artifacts, secrets }: ArtifactDeps,
  serviceId: ServiceId,
  grantId: string,
): Promise<void> {
  for (const digest of secrets.digests('artifact-ids', grantId))
    await artifacts.destroyByGrant(serviceId, digest)
}
