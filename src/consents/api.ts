import { z } from 'zod'
import { actorOf } from '../audit/actor.ts'
import { rfc3339 } from '../clock.ts'
import { DomainError } from '../errors.ts'
import { pageOf, pagingQuery, readPage } from '../http/paging.ts'
import { type Route, route } from '../http/route.ts'
import { parseId } from '../ids.ts'
import { getOrganization } from '../organizations/organization.ts'
import type { Records } from '../storage/ports.ts'
import { type AppPolicy, appPolicyOf, approvedMax, policyModes, unverifiedRules } from './app-policy.ts'
import { type Consent, consents, getConsent } from './consent.ts'
import { endConsent } from './end-consent.ts'
import { setAppPolicy } from './set-app-policy.ts'

type Deps = Parameters<typeof endConsent>[0] & { readonly records: Records }

const tag = 'Apps'
const params = { organization: "the organization's id" }
const appsPath = '/organizations/{organization}/apps'
const consentsPath = '/organizations/{organization}/consents'

const mode = z
  .enum(policyModes)
  .describe('approved: those alone. ask: another one needs an administrator, who reads app.requested events.')
const unverified = z
  .enum(unverifiedRules)
  .describe('For apps that no organization answers for, where the mode is no stricter.')
const approved = z.array(z.string().min(1).max(500)).max(approvedMax).describe('By client_id.')

const AppPolicyBody = z.object({ mode, unverified, approved: z.array(z.string()) })
const AppPolicyChangeBody = z.strictObject({
  mode: mode.optional(),
  unverified: unverified.optional(),
  approved: approved.optional(),
})
const ConsentBody = z.object({
  id: z.string().describe('The grant_id of its tokens.'),
  organization_id: z.string(),
  service_id: z.string(),
  user_id: z.string(),
  client_id: z.string(),
  app: z.string(),
  scopes: z.array(z.string()),
  remembered: z.boolean().describe('The person is not asked again for the same.'),
  granted_at: z.string(),
})

function presentPolicy({ mode, unverified, approved, version }: AppPolicy) {
  return { body: { mode, unverified, approved: [...approved] }, version }
}

function present(consent: Consent): z.input<typeof ConsentBody> {
  const { id, organizationId, serviceId, userId, clientId, appName, scopes, remembered, grantedAt } = consent
  return {
    ...{ id, organization_id: organizationId, service_id: serviceId, user_id: userId, client_id: clientId },
    ...{ app: appName, scopes: [...scopes], remembered, granted_at: rfc3339(grantedAt) },
  }
}

export function consentRoutes(deps: Deps): readonly Route[] {
  return [...policyRoutes(deps), ...givenRoutes(deps)]
}

function policyRoutes(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'getAppPolicy', method: 'GET', path: appsPath, tag, params },
      summary: 'Read which third-party apps people may authorize',
      ...{ status: 200, answer: AppPolicyBody, errors: ['organization_not_found'] },
      handle: async ({ organizationId }) => {
        await getOrganization(deps.records, organizationId)
        return presentPolicy(await appPolicyOf(deps.records, organizationId))
      },
    }),
    route({
      ...{ operationId: 'changeAppPolicy', method: 'PATCH', path: appsPath, tag, params },
      summary: 'Decide which third-party apps people may authorize',
      description:
        'For what they authorize from now on. What they have authorized stays until its consent is ended. The ' +
        "service's own apps and the organization's are always allowed.",
      ...{ body: AppPolicyChangeBody, status: 200, answer: AppPolicyBody },
      example: { mode: 'ask', approved: ['key_01jz8x6v0kq3m5n7p9r1s3t5v7'] },
      errors: ['invalid_request', 'organization_not_found', 'precondition_failed', 'conflict'],
      handle: async ({ principal, organizationId, body, ifMatch }) =>
        presentPolicy(await setAppPolicy(deps, actorOf(principal), organizationId, { ...body, ifMatch })),
    }),
  ]
}

function givenRoutes(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'listConsents', method: 'GET', path: consentsPath, tag, params },
      summary: 'List what people have let apps do in their name',
      query: z.object({
        ...pagingQuery,
        user: z.string().max(40).optional().describe('Of this user alone.'),
        client_id: z.string().max(500).optional().describe('To this app alone; not together with user.'),
      }),
      ...{ status: 200, answer: pageOf(ConsentBody), errors: ['invalid_request', 'organization_not_found'] },
      handle: async ({ organizationId, query }) => {
        await getOrganization(deps.records, organizationId)
        const { user, client_id: clientId } = query
        if (user !== undefined && clientId !== undefined) throw oneOfBoth()
        const [index, key] =
          user !== undefined ? ['user', user] : clientId !== undefined ? ['client', clientId] : ['all', '']
        const { items, nextCursor } = await readPage(query, (page) =>
          deps.records.list(organizationId, consents, index, key, page),
        )
        return { body: { items: items.map(present), next_cursor: nextCursor } }
      },
    }),
    route({
      ...{ operationId: 'endConsent', method: 'DELETE', path: `${consentsPath}/{consent}`, tag },
      params: { ...params, consent: 'its id' },
      summary: 'End what a person has let an app do',
      description: 'The tokens that the app has for this person stop at once, everywhere.',
      ...{ status: 204, errors: ['consent_not_found', 'conflict'] },
      handle: async ({ principal, organizationId, params }) => {
        const id = parseId('gra', params['consent'] ?? '')
        if (id === undefined) throw new DomainError('consent_not_found', 'no such consent')
        const consent = await getConsent(deps.records, organizationId, id)
        await endConsent(deps, actorOf(principal), consent, 'ended')
        return { body: undefined }
      },
    }),
  ]
}

function oneOfBoth(): DomainError {
  return new DomainError('invalid_request', 'name a user or an app, not both', {
    faults: [{ pointer: '?client_id', detail: 'does not go together with user' }],
  })
}
