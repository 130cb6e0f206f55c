import { z } from 'zod'
import { actorOf } from '../../audit/actor.ts'
import { type Route, route } from '../../http/route.ts'
import { listUsableServices } from '../list-services.ts'
import { clearEntitlement, getEntitlement, getUsableService, setEntitlement } from '../set-entitlement.ts'
import { setResourceRules } from '../set-resource-rules.ts'
import {
  confirmation,
  listOf,
  organization,
  organizationIdOf,
  paging,
  presentList,
  service,
  tag,
} from './requests.ts'
import * as wire from './wire.ts'

type Deps = Parameters<typeof setEntitlement>[0] & Parameters<typeof setResourceRules>[0]

export function entitlementRoutes(deps: Deps): readonly Route[] {
  return [...entitlement(deps), ...usable(deps), ...resourceRules(deps)]
}

function entitlement(deps: Deps): readonly Route[] {
  // Not `{organization}`: these are the operator's, and the parameter is nobody's own organization.
  const path = '/services/{service}/entitlements/{entitled_organization}'
  const params = { service, entitled_organization: organization }
  const named = (given: Readonly<Record<string, string>>) =>
    [organizationIdOf(given['entitled_organization'] ?? ''), given['service'] ?? ''] as const
  return [
    route({
      ...{ operationId: 'getEntitlement', method: 'GET', path, tag, params, status: 200 },
      summary: 'Read which roles of a service an organization may use',
      answer: wire.EntitlementBody,
      errors: ['service_not_found', 'organization_not_found'],
      handle: async ({ params }) => answered(await getEntitlement(deps, ...named(params))),
    }),
    route({
      ...{ operationId: 'setEntitlement', method: 'PUT', path, tag, params, status: 200 },
      summary: 'Grant an organization exactly these roles of a service',
      body: z.strictObject({ roles: z.array(z.string().max(100)).max(1_000) }),
      example: { roles: ['records:read'] },
      answer: wire.EntitlementBody,
      errors: [
        'service_not_found',
        'organization_not_found',
        'organization_protected',
        'role_not_grantable',
        'precondition_failed',
        'conflict',
      ],
      handle: async ({ principal, params, body, ifMatch }) =>
        answered(
          await setEntitlement(deps, actorOf(principal), ...named(params), { roles: body.roles, ifMatch }),
        ),
    }),
    route({
      ...{ operationId: 'clearEntitlement', method: 'DELETE', path, tag, params, status: 204 },
      summary: 'Let an organization have the default entitlement on a service again',
      errors: [
        'service_not_found',
        'organization_not_found',
        'organization_protected',
        'precondition_failed',
        'conflict',
      ],
      handle: async ({ principal, params, ifMatch }) => {
        await clearEntitlement(deps, actorOf(principal), ...named(params), ifMatch)
        return { body: undefined }
      },
    }),
  ]
}

function answered(found: Awaited<ReturnType<typeof getEntitlement>>) {
  const version = found.entitlement?.version
  return { body: wire.presentEntitlement(found), ...(version === undefined ? {} : { version }) }
}

function usable(deps: Deps): readonly Route[] {
  const path = '/organizations/{organization}/services'
  return [
    route({
      ...{ operationId: 'listUsableServices', method: 'GET', path, tag, params: { organization } },
      summary: 'List the services that an organization may use',
      query: z.object(paging),
      status: 200,
      answer: listOf(wire.UsableServiceBody),
      errors: ['organization_not_found'],
      handle: async ({ organizationId, query }) =>
        presentList(await listUsableServices(deps.records, organizationId, query), wire.presentUsableService),
    }),
    route({
      operationId: 'getUsableService',
      method: 'GET',
      path: `${path}/{service}`,
      summary: 'Read what an organization may use of a service: its roles, and what each gives',
      ...{ tag, params: { organization, service }, status: 200 },
      answer: wire.UsableServiceBody,
      errors: ['organization_not_found', 'service_not_found'],
      handle: async ({ organizationId, params }) => {
        const found = await getUsableService(deps, organizationId, params['service'] ?? '')
        return { body: wire.presentUsableService(found) }
      },
    }),
  ]
}

/** The owner's own: nobody else says who knows the resources of a service. */
function resourceRules(deps: Deps): readonly Route[] {
  return [
    route({
      operationId: 'setResourceRules',
      method: 'PATCH',
      path: '/organizations/{organization}/services/{service}',
      tag,
      params: { organization, service },
      summary: 'Say who knows the resources of a service that the organization owns',
      description:
        '`latchkey`: a resource must be registered, and be the caller’s organization’s or shared with it; `api`, the ' +
        'default: the API itself sees to that. To go back to `api` ends these checks, and needs the `confirmation` ' +
        'that is answered first: it lists the roles that no longer hold.',
      body: z.strictObject({
        resources: z.enum(['api', 'latchkey']).optional(),
        shared_with_anyone: z.boolean().optional(),
        confirmation,
      }),
      example: { resources: 'latchkey' },
      status: 200,
      answer: wire.ChangedServiceBody,
      errors: wire.changeErrors,
      handle: async ({ principal, organizationId, params, body, ifMatch }) => {
        const { resources, shared_with_anyone: sharedWithAnyone, confirmation } = body
        const change = { resources, sharedWithAnyone, confirmation, ifMatch }
        const idOrSlug = params['service'] ?? ''
        const changed = await setResourceRules(deps, actorOf(principal), organizationId, idOrSlug, change)
        return { body: wire.presentChanged(changed), version: changed.service.version }
      },
    }),
  ]
}
