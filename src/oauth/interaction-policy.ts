import { type KoaContextWithOIDC, interactionPolicy as library } from 'oidc-provider'
import { type App, isRecognizable } from '../consents/app.ts'
import { appPolicyOf, appVerdict } from '../consents/app-policy.ts'
import { consentOf } from '../consents/consent.ts'
import type { Service } from '../services/service.ts'
import { personOf } from './account.ts'
import { findApp } from './apps.ts'
import { acrMissing } from './asked-acr.ts'
import { identityAsked } from './identity-scopes.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import { hintsIn, isMeant } from './meant-organization.ts'
import { apiScopesOf } from './registration.ts'
import { scopesOpenTo, usableScopes } from './usable-scopes.ts'

const { Check, Prompt, base } = library

/** What a person must do before a request goes on: choose an account, sign in, consent; in this order. */
export function interactionPolicy(deps: IssuerDeps, service: Service) {
  const policy = base()
  policy.remove('consent')
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 0)
  const login = policy.get('login')
  login?.checks.add(accountGone(), 0)
  login?.checks.add(otherOrganization(deps, service))
  // The library's own would ask again and again for what a person cannot do.
  for (const reason of ['essential_acr', 'essential_acrs']) login?.checks.remove(reason)
  login?.checks.add(acrMissing(service))
  policy.add(
    new Prompt(
      { name: 'consent', requestable: true },
      notAsked(),
      notAllowed(deps, service),
      scopesMissing(deps, service),
      identityMissing(),
    ),
  )
  return policy
}

/** The session's person is gone, disabled, or of a suspended organization. */
function accountGone() {
  return new Check(
    'account_gone',
    'End-User authentication is required',
    'login_required',
    ({ oidc }) => oidc.session?.accountId !== undefined && oidc.account === undefined,
  )
}

/** The request is for another organization than the session's: a session of one does not answer for another. */
function otherOrganization(deps: IssuerDeps, service: Service) {
  const isOther = async (ctx: KoaContextWithOIDC) => {
    const { account, result } = ctx.oidc
    // Who has just signed in was let in where the request wanted.
    if (account === undefined || result?.login !== undefined) return false
    const { organization } = personOf(ctx)
    const { params = {} } = ctx.oidc
    return !(await isMeant({ records: deps.storedRecords }, service, organization, hintsIn(params)))
  }
  // Without asking (`prompt=none`) the app is told so (OpenID Connect Core §3.1.2.6).
  return new Check('other_organization', 'End-User authentication is required', 'login_required', isOther)
}

/** There is no consent, or none that is remembered: then it is good for the one request in which it was given. */
function notAsked() {
  return new Check('not_asked', 'consent is required', ({ oidc }) => oidc.entities.Grant?.jti === undefined)
}

/** The person's organization has decided since that its people do not use the app. */
function notAllowed(deps: IssuerDeps, service: Service) {
  return new Check('app_not_allowed', 'the organization does not allow this app', async (ctx) => {
    const { client, provider } = ctx.oidc
    const app = client && (await findApp(deps.records, service, provider, client.clientId))
    const policy = await appPolicyOf(deps.storedRecords, personOf(ctx).organization.id)
    return app === undefined || appVerdict(policy, app, service) !== 'allowed'
  })
}

/** A scope that the person can use, and has not been asked for; one that they cannot is left out anyway. */
function scopesMissing(deps: IssuerDeps, service: Service) {
  return new Check('scopes_missing', 'requested scopes not granted', async (ctx) => {
    const granted = new Set(ctx.oidc.entities.Grant?.getResourceScope(service.audience).split(' '))
    const { client } = ctx.oidc
    const open = client === undefined ? [] : scopesOpenTo(service, client.clientId, apiScopesOf(client))
    const asked = open.filter((scope) => ctx.oidc.requestParamScopes.has(scope))
    const missing = asked.filter((scope) => !granted.has(scope))
    if (missing.length === 0) return false
    return (await usableScopes(deps.records, service, personOf(ctx), missing)).length > 0
  })
}

function identityMissing() {
  return new Check('identity_missing', 'requested scopes not granted', ({ oidc }) => {
    const granted = new Set(oidc.entities.Grant?.getOIDCScope().split(' '))
    return identityAsked(oidc.params ?? {}, oidc.client?.scope).some((scope) => !granted.has(scope))
  })
}

/** The grant of this request: that of the consent just given, else the one that is remembered for this very app. */
export async function rememberedGrant(deps: IssuerDeps, service: Service, ctx: KoaContextWithOIDC) {
  const { Grant } = ctx.oidc.provider
  const just = ctx.oidc.result?.consent?.grantId
  if (just !== undefined) return Grant.find(just)
  const { client } = ctx.oidc
  const app = client && (await findApp(deps.records, service, ctx.oidc.provider, client.clientId))
  if (app === undefined) return undefined
  const { user } = personOf(ctx)
  const pair = { userId: user.id, serviceId: service.id, clientId: app.clientId }
  const consent = await consentOf(deps.storedRecords, user.organizationId, pair)
  return consent?.remembered === true && isSame(app, consent.appFingerprint)
    ? Grant.find(consent.id)
    : undefined
}

function isSame(app: App, fingerprint: string): boolean {
  return app.fingerprint === fingerprint && isRecognizable(app)
}
