import { z } from 'zod'
import { actorOf } from '../audit/actor.ts'
import { rfc3339 } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { FilterStatement, Statement } from '../evaluator/model.ts'
import { pageOf, pagingQuery, readPage } from '../http/paging.ts'
import { type Route, route } from '../http/route.ts'
import { parseId, type RoleId } from '../ids.ts'
import { displayName, displayText } from '../organizations/display-name.ts'
import { giverOf } from '../services/giver.ts'
import { createRole } from './create-role.ts'
import { deleteRole } from './delete-role.ts'
import { listRoles } from './list-roles.ts'
import type { WrittenContent } from './read-policy.ts'
import { statementsMax } from './read-role-content.ts'
import { replaceRole } from './replace-role.ts'
import { getRole, type Role } from './role.ts'

type Deps = Parameters<typeof deleteRole>[0]

const tag = 'Roles'
const collectionPath = '/organizations/{organization}/roles'
const onePath = `${collectionPath}/{role}`
const organizationParam = { organization: "the organization's id" }
const params = { ...organizationParam, role: "the role's id" }

/** UTF-16 code units; enough for the largest role in its longest spelling that anybody writes. */
const policyLengthMax = 200_000

const StatementBody = z
  .looseObject({
    operations: z
      .array(z.string().min(1).max(500))
      .min(1)
      .max(2_000)
      .describe('Each an operationId, or METHOD /path, of the service.'),
    where: z
      .string()
      .optional()
      .describe(
        'Only where this condition holds. Without one, all tags of a resource must match the caller’s.',
      ),
    fields: z
      .array(z.string())
      .optional()
      .describe('Only requests whose query parameters and fields of the body are all among these.'),
  })
  .describe('Allows operations.')

const FilterBody = z
  .looseObject({
    operations: z.array(z.string().min(1).max(500)).min(1).max(2_000),
    fields: z.array(z.string()).optional().describe('The fields of the response that are shown.'),
    mask: z
      .string()
      .optional()
      .describe('Stands in place of what is not shown. Without one, that is left out.'),
  })
  .describe(
    'Shows of the responses of these operations, as far as this role allows them, these fields alone.',
  )

const content = {
  allow: z.array(StatementBody).min(1).max(statementsMax).optional(),
  filter: z.array(FilterBody).min(1).max(statementsMax).optional(),
  policy: z
    .string()
    .max(policyLengthMax)
    .optional()
    .describe(
      '`allow` and `filter` as one text in place of the two: YAML, or a list of operations below `allow:` with `where:` after it.',
    ),
}
const named = { name: displayName, description: displayText.default('') }

/** Either the parts or the text, so that neither is passed over. */
function eitherContent({ allow, filter, policy }: WrittenContent, refuse: z.RefinementCtx): void {
  if (policy === undefined && allow === undefined)
    refuse.addIssue({ code: 'custom', path: ['allow'], message: 'is missing, and there is no policy' })
  for (const [name, part] of Object.entries({ allow, filter }))
    if (policy !== undefined && part !== undefined)
      refuse.addIssue({ code: 'custom', path: [name], message: 'stands beside a policy, which says it too' })
}

const RoleReplacementBody = z.strictObject({ ...named, ...content }).superRefine(eitherContent)
const NewRoleBody = z
  .strictObject({ service: z.string().min(3).max(40).describe('Its id or slug.'), ...named, ...content })
  .superRefine(eitherContent)

const RoleBody = z.object({
  id: z.string(),
  organization_id: z.string(),
  service_id: z.string(),
  name: z.string(),
  description: z.string(),
  allow: z.array(
    z.object({
      operations: z.array(z.string()),
      where: z.string().optional(),
      fields: z.array(z.string()).optional(),
    }),
  ),
  filter: z
    .array(
      z.object({ operations: z.array(z.string()), fields: z.array(z.string()), mask: z.string().optional() }),
    )
    .optional(),
  created_at: z.string(),
  changed_at: z.string(),
})

function present(role: Role): z.input<typeof RoleBody> {
  return {
    id: role.id,
    organization_id: role.organizationId,
    service_id: role.serviceId,
    name: role.name,
    description: role.description,
    allow: role.allow.map(presentStatement),
    ...(role.filter === undefined ? {} : { filter: role.filter.map(presentFilter) }),
    created_at: rfc3339(role.createdAt),
    changed_at: rfc3339(role.changedAt),
  }
}

function presentStatement({ operations, where, fields }: Statement) {
  return {
    operations: [...operations],
    ...(where === undefined ? {} : { where }),
    ...(fields === undefined ? {} : { fields: [...fields] }),
  }
}

function presentFilter({ operations, fields, mask }: FilterStatement) {
  return { operations: [...operations], fields: [...fields], ...(mask === undefined ? {} : { mask }) }
}

function answer(role: Role) {
  return { body: present(role), version: role.version }
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
      ...{ body: NewRoleBody, status: 201, answer: RoleBody },
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
        return { ...answer(role), location: `/organizations/${organizationId}/roles/${role.id}` }
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
      ...{ body: RoleReplacementBody, status: 200, answer: RoleBody },
      example: { name: 'Front desk', description: '', allow: [{ operations: ['listPatients'] }] },
      errors: [
        ...(['invalid_request', 'role_not_found', 'role_refused', 'already_exists'] as const),
        ...(['precondition_failed', 'conflict'] as const),
      ],
      handle: async ({ principal, organizationId, params, body, ifMatch }) => {
        const giver = await giverOf(deps.records, principal)
        const wanted = { ...body, ifMatch }
        return answer(
          await replaceRole(deps, actorOf(principal), giver, organizationId, roleIn(params), wanted),
        )
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
