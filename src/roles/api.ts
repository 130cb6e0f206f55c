import { z } from 'zod'
import { actorOf } from '../audit/actor.ts'
import { DomainError } from '../errors.ts'
import { pageOf, pagingQuery, readPage } from '../http/paging.ts'
import { type Route, route } from '../http/route.ts'
import { parseId, type RoleId } from '../ids.ts'
import { giverOf } from '../services/giver.ts'
import type { TagKeysInUse } from '../services/tag-keys-in-use.ts'
import {
  NewRoleBody,
  present,
  presentPreview,
  RoleBody,
  RolePreviewAnswer,
  RolePreviewBody,
  RoleReplacementBody,
  SavedRoleBody,
} from './api/role-wire.ts'
import { createRole } from './create-role.ts'
import { deleteRole } from './delete-role.ts'
import { listRoles } from './list-roles.ts'
import { previewRole } from './preview-role.ts'
import { replaceRole } from './replace-role.ts'
import { getRole, type Role } from './role.ts'
import { tagKeyWarnings } from './tag-key-warnings.ts'

type Deps = Parameters<typeof deleteRole>[0] & { readonly tagKeysInUse: readonly TagKeysInUse[] }

const tag = 'Roles'
const collectionPath = '/organizations/{organization}/roles'
const onePath = `${collectionPath}/{role}`
const organizationParam = { organization: "the organization's id" }
const params = { ...organizationParam, role: "the role's id" }

function answer(role: Role) {
  return { body: present(role), version: role.version }
}

async function savedAnswer({ tagKeysInUse }: Deps, role: Role) {
  const warnings = [...(await tagKeyWarnings(tagKeysInUse, role))]
  return { body: { ...present(role), warnings }, version: role.version }
}

function roleIn(params: Readonly<Record<string, string>>): RoleId {
  const id = parseId('rol', params['role'] ?? '')
  if (id === undefined) throw new DomainError('role_not_found', 'no such role')
  return id
}

export function roleRoutes(deps: Deps): readonly Route[] {
  return [...collection(deps), ...one(deps)]
}

function collection(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'listRoles', method: 'GET', path: collectionPath, tag, params: organizationParam },
      summary: 'List the roles that the organization has defined',
      query: z.object({
        ...pagingQuery,
        service: z.string().max(40).optional().describe('On this service alone.'),
      }),
      ...{ status: 200, answer: pageOf(RoleBody) },
      errors: ['invalid_request', 'organization_not_found', 'service_not_found'],
      handle: async ({ organizationId, query }) => {
        const { items, nextCursor } = await readPage(query, (page) =>
          listRoles(deps.records, organizationId, query.service, page),
        )
        return { body: { items: items.map(present), next_cursor: nextCursor } }
      },
    }),
    route({
      ...{ operationId: 'createRole', method: 'POST', path: collectionPath, tag, params: organizationParam },
      summary: 'Define a role on a service',
      description:
        'Nobody gives what is outside of the entitlement, nor, without the operation that grants roles, what they do not hold.',
      ...{ body: NewRoleBody, status: 201, answer: SavedRoleBody },
      example: {
        service: 'clinic',
        name: 'Front desk',
        allow: [{ operations: ['listPatients', 'GET /patients/{id}'] }],
      },
      errors: [
        'invalid_request',
        'organization_not_found',
        'service_not_found',
        'role_refused',
        'already_exists',
      ],
      handle: async ({ principal, organizationId, body }) => {
        const giver = await giverOf(deps.records, principal)
        const role = await createRole(deps, actorOf(principal), giver, organizationId, body)
        return {
          ...(await savedAnswer(deps, role)),
          location: `/organizations/${organizationId}/roles/${role.id}`,
        }
      },
    }),
  ]
}

function one(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'getRole', method: 'GET', path: onePath, tag, params },
      summary: 'Read a role',
      ...{ status: 200, answer: RoleBody, errors: ['role_not_found'] },
      handle: async ({ organizationId, params }) =>
        answer(await getRole(deps.records, organizationId, roleIn(params))),
    }),
    route({
      ...{ operationId: 'replaceRole', method: 'PUT', path: onePath, tag, params },
      summary: 'Replace a role',
      description: 'Takes effect at once on every key that holds it.',
      ...{ body: RoleReplacementBody, status: 200, answer: SavedRoleBody },
      example: { name: 'Front desk', description: '', allow: [{ operations: ['listPatients'] }] },
      errors: [
        ...(['invalid_request', 'role_not_found', 'role_refused', 'already_exists'] as const),
        ...(['precondition_failed', 'conflict'] as const),
      ],
      handle: async ({ principal, organizationId, params, body, ifMatch }) => {
        const giver = await giverOf(deps.records, principal)
        const wanted = { ...body, ifMatch }
        const by = actorOf(principal)
        return savedAnswer(deps, await replaceRole(deps, by, giver, organizationId, roleIn(params), wanted))
      },
    }),
    route({
      ...{ operationId: 'previewRole', method: 'POST', path: `${onePath}/preview`, tag, params },
      summary: 'See what an edit of a role would change, and for whom',
      description:
        'Checks it as a replacement of the role would, and changes nothing. Who holds the role are keys, people, ' +
        'assumptions, and connections whose mapping gives it: up to `limit` of each.',
      query: z.object({ limit: pagingQuery.limit }),
      ...{ body: RolePreviewBody, status: 200, answer: RolePreviewAnswer },
      example: { allow: [{ operations: ['listPatients'], where: "$principal:kind = 'user'" }] },
      errors: ['invalid_request', 'role_not_found', 'role_refused'],
      handle: async ({ principal, organizationId, params, query, body }) => {
        const giver = await giverOf(deps.records, principal)
        const id = roleIn(params)
        const { serviceId } = await getRole(deps.records, organizationId, id)
        const previewed = await previewRole(deps, giver, organizationId, id, body, query.limit)
        const { allow } = previewed.content
        const warnings = await tagKeyWarnings(deps.tagKeysInUse, { organizationId, serviceId, allow })
        return { body: { ...presentPreview(previewed), warnings: [...warnings] } }
      },
    }),
    route({
      ...{ operationId: 'deleteRole', method: 'DELETE', path: onePath, tag, params },
      summary: 'Delete a role',
      description:
        'A role that is held is refused, with its holders. With `cascade` keys are revoked, users lose the role and assumptions end, at once.',
      query: z.object({ cascade: z.enum(['true', 'false']).default('false') }),
      ...{
        status: 204,
        errors: ['invalid_request', 'role_not_found', 'role_held', 'precondition_failed', 'conflict'],
      },
      handle: async ({ principal, organizationId, params, query, ifMatch }) => {
        const cascade = query.cascade === 'true'
        await deleteRole(deps, actorOf(principal), organizationId, roleIn(params), { cascade, ifMatch })
        return { body: undefined }
      },
    }),
  ]
}
