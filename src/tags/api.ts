import { z } from 'zod'
import { actorOf } from '../audit/actor.ts'
import { DomainError } from '../errors.ts'
import { pageOf, pagingQuery, readPage } from '../http/paging.ts'
import { type Route, route } from '../http/route.ts'
import { parseId, type ResourceId } from '../ids.ts'
import { giverOf } from '../services/giver.ts'
import { changeResourceTags } from './change-resource-tags.ts'
import { listResources } from './list-resources.ts'
import { getResource, type Resource } from './resource.ts'
import { resourceTags } from './resource-tags.ts'
import * as wire from './wire.ts'

type Deps = Parameters<typeof changeResourceTags>[0]

const tag = 'Resources'
const collectionPath = '/organizations/{organization}/resources'
const onePath = `${collectionPath}/{resource}`
const organizationParam = { organization: "the organization's id" }
const params = { ...organizationParam, resource: "the resource's id" }

function resourceIn(params: Readonly<Record<string, string>>): ResourceId {
  const id = parseId('res', params['resource'] ?? '')
  if (id === undefined) throw new DomainError('resource_not_found', 'no such resource')
  return id
}

function answered(resource: Resource) {
  return { body: wire.present(resource), version: resource.version }
}

/** What an organization sees and does with what is its own. Only an API registers, re-homes and removes: see guards. */
export function resourceRoutes(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'listResources', method: 'GET', path: collectionPath, tag },
      params: organizationParam,
      summary: "List the organization's resources",
      query: z.object({
        ...pagingQuery,
        service: z.string().max(40).optional().describe('Of this service alone: its id or slug.'),
        tag: z.string().max(400).optional().describe('With this tag, `env=dev`; on one service.'),
        path: z
          .string()
          .max(1_000)
          .optional()
          .describe('The one of this path, `/clusters/c1`; on one service.'),
        namespace: z.string().max(200).optional().describe('With `path`.'),
      }),
      ...{ status: 200, answer: pageOf(wire.ResourceBody) },
      errors: ['service_not_found', 'organization_not_found'],
      handle: async ({ organizationId, query }) => {
        const { items, nextCursor } = await readPage(query, (page) =>
          listResources(deps.records, organizationId, query, page),
        )
        return { body: { items: items.map(wire.present), next_cursor: nextCursor } }
      },
    }),
    route({
      ...{ operationId: 'getResource', method: 'GET', path: onePath, tag, params },
      summary: 'Read a resource',
      ...{ status: 200, answer: wire.ResourceBody, errors: ['resource_not_found'] },
      handle: async ({ organizationId, params }) =>
        answered(await getResource(deps.records, organizationId, resourceIn(params))),
    }),
    route({
      ...{ operationId: 'changeResourceTags', method: 'PUT', path: `${onePath}/tags`, tag, params },
      summary: 'Give a resource these tags, and no others',
      description:
        'They hold at every guard within a second. Who may not grant roles gives and takes only values that they hold ' +
        'themselves. An access tag that shares nothing is refused.',
      body: z.strictObject({ tags: resourceTags }),
      example: { tags: { env: ['dev'], team: ['core'] } },
      ...{ status: 200, answer: wire.ResourceBody },
      errors: [
        ...(['invalid_request', 'resource_not_found', 'tag_not_grantable'] as const),
        ...(['precondition_failed', 'conflict'] as const),
      ],
      handle: async ({ principal, organizationId, params, body, ifMatch }) => {
        const giver = await giverOf(deps.records, principal)
        const change = { tags: body.tags, ifMatch }
        const id = resourceIn(params)
        return answered(await changeResourceTags(deps, actorOf(principal), giver, organizationId, id, change))
      },
    }),
  ]
}
