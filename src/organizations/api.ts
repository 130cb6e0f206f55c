import { z } from 'zod'
import { actorOf } from '../audit/actor.ts'
import { rfc3339 } from '../clock.ts'
import { pageOf, pagingQuery, readPage } from '../http/paging.ts'
import { type Route, route } from '../http/route.ts'
import { parseId } from '../ids.ts'
import { createOrganization } from './create-organization.ts'
import { countMax, deleteOrganization, previewDeletion } from './delete-organization.ts'
import { displayName, displayText } from './display-name.ts'
import { listOrganizations } from './list-organizations.ts'
import { getOrganization, type Organization } from './organization.ts'
import { reinstateOrganization } from './reinstate-organization.ts'
import { renameOrganization } from './rename-organization.ts'
import { slugPattern } from './slug.ts'
import { suspendOrganization } from './suspend-organization.ts'

type Deps = Parameters<typeof deleteOrganization>[0]

const tag = 'Organizations'
const params = { organization: "the organization's id" }

const OrganizationBody = z.object({
  id: z.string(),
  name: z.string(),
  slug: z.string(),
  kind: z.enum(['operator', 'customer']),
  state: z.enum(['active', 'suspended']),
  suspended_at: z.string().nullable(),
  suspension_reason: z.string().nullable(),
  created_at: z.string(),
})

const slug = z
  .string()
  .regex(slugPattern, 'is not 3 to 40 of a-z, 0-9 and -, beginning and ending with none of the last')
const NewOrganizationBody = z.strictObject({ name: displayName, slug: slug.optional() })
const RenameBody = z.strictObject({ name: displayName })
const SuspendBody = z.strictObject({ reason: displayText.min(1) })

const PreviewBody = z.object({
  organization: OrganizationBody,
  goes_with: z.array(
    z.object({
      kind: z.string(),
      count: z.number().int().describe(`Counting stops at ${countMax}.`),
      remove_first: z.string().nullable().describe('What to do before the organization can be deleted.'),
    }),
  ),
  confirm: z.string().describe('What DELETE asks to be given as `confirm`.'),
})

function present(organization: Organization): z.input<typeof OrganizationBody> {
  const { id, name, slug, kind, state, createdAt } = organization
  const suspended = state.kind === 'suspended' ? state : undefined
  return {
    ...{ id, name, slug, kind, state: state.kind },
    suspended_at: suspended === undefined ? null : rfc3339(suspended.suspendedAt),
    suspension_reason: suspended?.reason ?? null,
    created_at: rfc3339(createdAt),
  }
}

function answer(organization: Organization) {
  return { body: present(organization), version: organization.version }
}

export function organizationRoutes(deps: Deps): readonly Route[] {
  return [...collection(deps), ...one(deps), ...states(deps), ...deletion(deps)]
}

function collection(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'listOrganizations', method: 'GET', path: '/organizations', tag, params: {} },
      summary: 'List all organizations',
      ...{
        query: z.object(pagingQuery),
        status: 200,
        answer: pageOf(OrganizationBody),
        errors: ['invalid_request'],
      },
      handle: async ({ query }) => {
        const { items, nextCursor } = await readPage(query, ({ limit, after }) =>
          listOrganizations(deps.records, { limit, after: parseId('org', after ?? '') }),
        )
        return { body: { items: items.map(present), next_cursor: nextCursor } }
      },
    }),
    route({
      ...{ operationId: 'createOrganization', method: 'POST', path: '/organizations', tag, params: {} },
      summary: 'Make an organization',
      description:
        'Without a slug, one is made from the name. It may use every service, within the default entitlement.',
      ...{ body: NewOrganizationBody, status: 201, answer: OrganizationBody },
      example: { name: 'Riverside Clinic', slug: 'riverside' },
      errors: ['invalid_request', 'already_exists'],
      handle: async ({ principal, body }) => {
        const organization = await createOrganization(deps, actorOf(principal), body)
        return { ...answer(organization), location: `/organizations/${organization.id}` }
      },
    }),
  ]
}

function one(deps: Deps): readonly Route[] {
  return [
    route({
      ...{
        operationId: 'getOrganization',
        method: 'GET',
        path: '/organizations/{organization}',
        tag,
        params,
      },
      summary: 'Read an organization',
      ...{ status: 200, answer: OrganizationBody, errors: ['organization_not_found'] },
      handle: async ({ organizationId }) => answer(await getOrganization(deps.records, organizationId)),
    }),
    route({
      ...{
        operationId: 'renameOrganization',
        method: 'PATCH',
        path: '/organizations/{organization}',
        tag,
        params,
      },
      summary: 'Rename an organization',
      description: 'The slug stays.',
      ...{ body: RenameBody, status: 200, answer: OrganizationBody, example: { name: 'Riverside Clinics' } },
      errors: ['invalid_request', 'organization_not_found', 'precondition_failed', 'conflict'],
      handle: async ({ principal, organizationId, body, ifMatch }) =>
        answer(await renameOrganization(deps, actorOf(principal), organizationId, { ...body, ifMatch })),
    }),
  ]
}

function states(deps: Deps): readonly Route[] {
  return [
    route({
      operationId: 'suspendOrganization',
      ...{ method: 'POST', path: '/organizations/{organization}/suspend', tag, params },
      summary: 'Suspend an organization',
      description: 'Its keys and tokens stop at once, at every service. Nothing of it is lost.',
      ...{
        body: SuspendBody,
        status: 200,
        answer: OrganizationBody,
        example: { reason: 'unpaid since March' },
      },
      errors: [
        'invalid_request',
        'organization_not_found',
        'organization_protected',
        'precondition_failed',
        'conflict',
      ],
      handle: async ({ principal, organizationId, body, ifMatch }) =>
        answer(await suspendOrganization(deps, actorOf(principal), organizationId, { ...body, ifMatch })),
    }),
    route({
      operationId: 'reinstateOrganization',
      ...{ method: 'POST', path: '/organizations/{organization}/reinstate', tag, params },
      summary: 'End a suspension',
      description: 'Its keys work again. Tokens from before the suspension do not.',
      ...{ status: 200, answer: OrganizationBody },
      errors: ['organization_not_found', 'precondition_failed', 'conflict'],
      handle: async ({ principal, organizationId, ifMatch }) =>
        answer(await reinstateOrganization(deps, actorOf(principal), organizationId, { ifMatch })),
    }),
  ]
}

function deletion(deps: Deps): readonly Route[] {
  return [
    route({
      operationId: 'previewOrganizationDeletion',
      ...{ method: 'GET', path: '/organizations/{organization}/deletion-preview', tag, params },
      summary: 'What would go with an organization',
      ...{ status: 200, answer: PreviewBody, errors: ['organization_not_found'] },
      handle: async ({ organizationId }) => {
        const { organization, goesWith } = await previewDeletion(deps, organizationId)
        const goes_with = goesWith.map(({ kind, count, removeFirst = null }) => ({
          ...{ kind, count, remove_first: removeFirst },
        }))
        return { body: { organization: present(organization), goes_with, confirm: organization.slug } }
      },
    }),
    route({
      operationId: 'deleteOrganization',
      ...{ method: 'DELETE', path: '/organizations/{organization}', tag, params },
      summary: 'Delete an organization and all that is its own',
      description: 'It is gone at once, and with it every token; its keys and roles are removed afterwards.',
      query: z.object({ confirm: z.string().max(40).optional().describe("The organization's slug.") }),
      status: 204,
      errors: [
        ...(['organization_not_found', 'organization_protected', 'confirmation_required'] as const),
        ...(['precondition_failed', 'conflict'] as const),
      ],
      handle: async ({ principal, organizationId, query, ifMatch }) => {
        const { confirm } = query
        await deleteOrganization(deps, actorOf(principal), organizationId, { confirm, ifMatch })
        return { body: undefined }
      },
    }),
  ]
}
