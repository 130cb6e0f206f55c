import { z } from 'zod'
import { actorOf } from '../../audit/actor.ts'
import { type Route, route } from '../../http/route.ts'
import { getService } from '../find-service.ts'
import { pageOf } from '../list-services.ts'
import { replaceDocument } from '../replace-document.ts'
import { getCurrentDocument, unpackDocument } from '../service-document.ts'
import { audience, confirmation, listOf, paging, presentList, service, tag } from './requests.ts'
import * as wire from './wire.ts'

type Deps = Parameters<typeof replaceDocument>[0]

export function documentRoutes(deps: Deps): readonly Route[] {
  return [...document(deps), ...described(deps)]
}

function document(deps: Deps): readonly Route[] {
  const path = '/services/{service}/document'
  const params = { service }
  return [
    route({
      ...{ operationId: 'getServiceDocument', method: 'GET', path, tag, params, status: 200 },
      summary: 'Read the document of a service, as it was sent',
      errors: ['service_not_found'],
      handle: async ({ params }) => {
        const found = await getService(deps.records, params['service'] ?? '')
        const kept = await getCurrentDocument(deps.records, found)
        const text = (await unpackDocument(kept)).toString('utf8')
        return { body: text, mediaType: kept.mediaType, version: found.version }
      },
    }),
    route({
      ...{ operationId: 'replaceServiceDocument', method: 'PUT', path, tag, params, status: 200 },
      summary: 'Replace the document of a service by a new version',
      query: z.object({ audience, confirmation }),
      body: z.string(),
      bodyIs: 'document',
      answer: wire.ChangedServiceBody,
      errors: [
        'service_not_found',
        'service_protected',
        'document_refused',
        'confirmation_required',
        'precondition_failed',
        'conflict',
      ],
      handle: async ({ principal, params, query, body, ifMatch }) => {
        const done = await replaceDocument(deps, actorOf(principal), params['service'] ?? '', {
          ...{ document: Buffer.from(body), ifMatch },
          ...{ audience: query.audience, confirmation: query.confirmation },
        })
        return { body: wire.presentChanged(done), version: done.service.version }
      },
    }),
  ]
}

function described(deps: Deps): readonly Route[] {
  const params = { service }
  return [
    route({
      operationId: 'listServiceOperations',
      method: 'GET',
      path: '/services/{service}/operations',
      summary: 'List the operations of a service',
      ...{ tag, params, status: 200 },
      query: z.object(paging),
      answer: listOf(wire.OperationBody),
      errors: ['service_not_found'],
      handle: async ({ params, query }) => {
        const { model } = await getService(deps.records, params['service'] ?? '')
        return presentList(pageOf(model.operations, query), wire.presentOperation)
      },
    }),
    route({
      operationId: 'listServiceRoles',
      method: 'GET',
      path: '/services/{service}/roles',
      summary: 'List the roles that the document of a service defines',
      ...{ tag, params, status: 200 },
      query: z.object(paging),
      answer: listOf(wire.ServiceRoleBody),
      errors: ['service_not_found'],
      handle: async ({ params, query }) => {
        const found = await getService(deps.records, params['service'] ?? '')
        return presentList(pageOf(found.model.roles, query), (role) => wire.presentServiceRole(found, role))
      },
    }),
  ]
}
