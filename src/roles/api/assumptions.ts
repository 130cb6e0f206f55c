import { z } from 'zod'
import { actorOf } from '../../audit/actor.ts'
import { usedMark } from '../../audit/issued-tokens.ts'
import { type EpochMs, rfc3339 } from '../../clock.ts'
import { DomainError } from '../../errors.ts'
import { pageOf, pagingQuery, readPage } from '../../http/paging.ts'
import { type Route, route } from '../../http/route.ts'
import { type AssumptionId, type ClientKeyId, type OrganizationId, parseId, type UserId } from '../../ids.ts'
import { displayName, displayText } from '../../organizations/display-name.ts'
import { accessTokenTtlSecondsMax } from '../../revocations/revocation.ts'
import { giverOf } from '../../services/giver.ts'
import { presentTags, principalTags } from '../../services/principal-tags.ts'
import type { Counters } from '../../storage/ports.ts'
import { type Assumption, getAssumption } from '../assumption.ts'
import { changeAssumption } from '../change-assumption.ts'
import { createAssumption } from '../create-assumption.ts'
import { deleteAssumption } from '../delete-assumption.ts'
import { listAssumptions, listReceivedAssumptions } from '../list-assumptions.ts'

type Deps = Parameters<typeof createAssumption>[0] & { readonly counters: Pick<Counters, 'latest'> }

const tag = 'Assumptions'
const collectionPath = '/organizations/{organization}/assumptions'
const onePath = `${collectionPath}/{assumption}`
const organizationParam = { organization: "the organization's id" }
const params = { ...organizationParam, assumption: "the assumption's id" }

const principalsMax = 100
const lifeSecondsMin = 60

const organizationId = z.string().transform((text, ctx): OrganizationId => {
  const id = parseId('org', text)
  if (id !== undefined) return id
  ctx.addIssue({ code: 'custom', message: 'is not the id of an organization (org_…)' })
  return z.NEVER
})
const principalId = z.string().transform((text, ctx): ClientKeyId | UserId => {
  const id = parseId('key', text) ?? parseId('usr', text)
  if (id !== undefined) return id
  ctx.addIssue({ code: 'custom', message: 'is not the id of a client key (key_…) or of a user (usr_…)' })
  return z.NEVER
})

const principals = z
  .array(principalId)
  .max(principalsMax)
  .refine((ids) => new Set(ids).size === ids.length, 'names one twice')
  .describe('The only keys and users of that organization that may; empty: all of them.')
const role = z.string().min(1).max(100).describe("A service-defined role's name, or the id of an own role.")
const tags = principalTags.describe('All the tags that the token gets; it has none of its principal’s own.')
const lifeSeconds = z
  .int()
  .min(lifeSecondsMin)
  .max(accessTokenTtlSecondsMax)
  .describe('The longest life of a token. Default, and at most: the life of a token of the service.')

const NewAssumptionBody = z.strictObject({
  service: z.string().min(3).max(40).describe('Its id or slug.'),
  name: displayName,
  description: displayText.default(''),
  role,
  assuming_organization: organizationId.describe('The id of the organization that may assume the role.'),
  principals: principals.default([]),
  tags: tags.default({}),
  life_seconds_max: lifeSeconds.optional(),
})
const AssumptionChangeBody = z.strictObject({
  name: displayName.optional(),
  description: displayText.optional(),
  role: role.optional(),
  principals: principals.optional(),
  tags: tags.optional(),
  life_seconds_max: lifeSeconds.optional(),
})

const AssumptionBody = z.object({
  id: z.string().describe('What a token exchange names as `assumption`.'),
  organization_id: z.string(),
  service_id: z.string(),
  name: z.string(),
  description: z.string(),
  role: z.string(),
  assuming_organization_id: z.string(),
  principals: z.array(z.string()),
  tags: z.record(z.string(), z.array(z.string())),
  life_seconds_max: z.number().int(),
  created_by: z.string(),
  created_at: z.string(),
  changed_at: z.string(),
  last_used_at: z.string().nullable(),
})

function present(assumption: Assumption, lastUsedAt: EpochMs | undefined): z.input<typeof AssumptionBody> {
  return {
    id: assumption.id,
    organization_id: assumption.organizationId,
    service_id: assumption.serviceId,
    name: assumption.name,
    description: assumption.description,
    role: assumption.role,
    assuming_organization_id: assumption.assumingOrganizationId,
    principals: [...assumption.principals],
    tags: presentTags(assumption.tags),
    life_seconds_max: assumption.lifeSecondsMax,
    created_by: assumption.createdBy,
    created_at: rfc3339(assumption.createdAt),
    changed_at: rfc3339(assumption.changedAt),
    last_used_at: lastUsedAt === undefined ? null : rfc3339(lastUsedAt),
  }
}

/** With when each was last assumed, which the organization that has it counts. */
async function presentAll({ counters }: Deps, found: readonly Assumption[]) {
  const uses = new Map<AssumptionId, EpochMs>()
  for (const [organization, ofOne] of Map.groupBy(found, (one) => one.organizationId)) {
    const marks = await counters.latest(
      organization,
      ofOne.map(({ id }) => usedMark(id)),
    )
    for (const { id } of ofOne) {
      const at = marks.get(usedMark(id))
      if (at !== undefined) uses.set(id, at)
    }
  }
  return found.map((one) => present(one, uses.get(one.id)))
}

async function answer(deps: Deps, assumption: Assumption) {
  const [body = present(assumption, undefined)] = await presentAll(deps, [assumption])
  return { body, version: assumption.version }
}

function assumptionIn(params: Readonly<Record<string, string>>): AssumptionId {
  const id = parseId('asm', params['assumption'] ?? '')
  if (id === undefined) throw new DomainError('assumption_not_found', 'no such assumption')
  return id
}

/** By which one organization lets another take one of its roles for a while. */
export function assumptionRoutes(deps: Deps): readonly Route[] {
  return [...lists(deps), ...making(deps), ...one(deps)]
}

function lists(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'listAssumptions', method: 'GET', path: collectionPath, tag },
      ...{ params: organizationParam, summary: 'List by what others may assume roles of the organization' },
      ...{ query: z.object(pagingQuery), status: 200, answer: pageOf(AssumptionBody) },
      errors: ['invalid_request', 'organization_not_found'],
      handle: async ({ organizationId, query }) => {
        const { items, nextCursor } = await readPage(query, (page) =>
          listAssumptions(deps.records, organizationId, page),
        )
        return { body: { items: await presentAll(deps, items), next_cursor: nextCursor } }
      },
    }),
    route({
      operationId: 'listReceivedAssumptions',
      ...{ method: 'GET', path: '/organizations/{organization}/received-assumptions', tag },
      ...{ params: organizationParam, summary: 'List by what the organization may assume roles of others' },
      query: z.object({ limit: pagingQuery.limit, cursor: z.string().max(100).optional() }),
      ...{ status: 200, answer: pageOf(AssumptionBody) },
      errors: ['invalid_request', 'organization_not_found'],
      handle: async ({ organizationId, query }) => {
        const { items, nextCursor } = await listReceivedAssumptions(deps.records, organizationId, query)
        return { body: { items: await presentAll(deps, items), next_cursor: nextCursor } }
      },
    }),
  ]
}

function making(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'createAssumption', method: 'POST', path: collectionPath, tag },
      ...{ params: organizationParam, summary: 'Let another organization assume a role' },
      description:
        'Its principals exchange a token of their own for one of this role (RFC 8693). Both audit trails tell of each. ' +
        'Whether the principals are of that organization is asked when they come.',
      ...{ body: NewAssumptionBody, status: 201, answer: AssumptionBody },
      example: {
        ...{ service: 'clinic', name: 'Night desk', role: 'patients:read', tags: { ward: ['north'] } },
        assuming_organization: 'org_01jz8x6v0kq3m5n7p9r1s3t5v7',
        life_seconds_max: 600,
      },
      errors: [
        ...(['invalid_request', 'organization_not_found', 'service_not_found', 'role_not_found'] as const),
        ...(['role_not_grantable', 'tag_not_grantable', 'already_exists'] as const),
      ],
      handle: async ({ principal, organizationId, body }) => {
        const giver = await giverOf(deps.records, principal)
        const { assuming_organization, life_seconds_max, ...rest } = body
        const made = await createAssumption(deps, actorOf(principal), giver, organizationId, {
          ...{ ...rest, assumingOrganizationId: assuming_organization, lifeSecondsMax: life_seconds_max },
        })
        const location = `/organizations/${organizationId}/assumptions/${made.id}`
        return { ...(await answer(deps, made)), location }
      },
    }),
  ]
}

function one(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'getAssumption', method: 'GET', path: onePath, tag, params },
      summary: 'Read an assumption',
      ...{ status: 200, answer: AssumptionBody, errors: ['assumption_not_found'] },
      handle: async ({ organizationId, params }) =>
        answer(deps, await getAssumption(deps.records, organizationId, assumptionIn(params))),
    }),
    route({
      ...{ operationId: 'changeAssumption', method: 'PATCH', path: onePath, tag, params },
      summary: 'Change an assumption',
      description:
        'What is left out stays. A change of more than its name ends the tokens that are out, at once.',
      ...{ body: AssumptionChangeBody, status: 200, answer: AssumptionBody },
      example: { principals: ['key_01jz8x6v0kq3m5n7p9r1s3t5v7'], life_seconds_max: 300 },
      errors: [
        ...(['invalid_request', 'assumption_not_found', 'role_not_found', 'role_not_grantable'] as const),
        ...(['tag_not_grantable', 'already_exists', 'precondition_failed', 'conflict'] as const),
      ],
      handle: async ({ principal, organizationId, params, body, ifMatch }) => {
        const giver = await giverOf(deps.records, principal)
        const { life_seconds_max: lifeSecondsMax, ...rest } = body
        const change = { ...rest, lifeSecondsMax, ifMatch }
        return answer(
          deps,
          await changeAssumption(
            deps,
            actorOf(principal),
            giver,
            organizationId,
            assumptionIn(params),
            change,
          ),
        )
      },
    }),
    route({
      ...{ operationId: 'deleteAssumption', method: 'DELETE', path: onePath, tag, params },
      summary: 'Take an assumption back: its tokens end at once',
      ...{ status: 204, errors: ['assumption_not_found', 'precondition_failed', 'conflict'] },
      handle: async ({ principal, organizationId, params, ifMatch }) => {
        await deleteAssumption(deps, actorOf(principal), organizationId, assumptionIn(params), ifMatch)
        return { body: undefined }
      },
    }),
  ]
}
