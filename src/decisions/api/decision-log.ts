import { z } from 'zod'
import { rfc3339 } from '../../clock.ts'
import { DomainError } from '../../errors.ts'
import { pageOf, pagingQuery } from '../../http/paging.ts'
import { type Route, route } from '../../http/route.ts'
import { parseId, timeOf } from '../../ids.ts'
import { getOrganization } from '../../organizations/organization.ts'
import { getService } from '../../services/find-service.ts'
import type { Records, Trails } from '../../storage/ports.ts'
import { type DecisionFilter, type DecisionsOf, listDecisions } from '../list-decisions.ts'
import { outcomes, type RecordedDecision } from '../recorded-decision.ts'

interface Deps {
  readonly records: Records
  readonly trails: Pick<Trails, 'list' | 'listAcross'>
}

const tag = 'Decisions'

const DecisionBody = z.object({
  id: z.string().describe('What the answer carried as `X-Decision-Id`.'),
  at: z.string(),
  service_id: z.string(),
  outcome: z.enum(outcomes).describe('`not_recorded`: this stands for `count` decisions that are missing.'),
  reason: z.string(),
  count: z.number().int(),
  method: z.string().nullable(),
  operation: z.string().nullable(),
  path: z.string().nullable().describe("The operation's path template."),
  resource: z
    .record(z.string(), z.string())
    .nullable()
    .describe('The path parameters, as the guard masks them.'),
  principal: z
    .object({
      kind: z.enum(['key', 'user']),
      id: z.string(),
      organization_id: z.string(),
      client_id: z.string(),
    })
    .nullable(),
  role: z.string().nullable().describe('The role that opened it.'),
})

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))
const filters = {
  ...pagingQuery,
  decision: z
    .string()
    .refine((text) => parseId('dec', text) !== undefined, 'is not the id of a decision')
    .transform((text) => parseId('dec', text))
    .optional()
    .describe('The `X-Decision-Id` of an answer.'),
  principal: z
    .string()
    .max(500)
    .optional()
    .describe('The id of who called, or of the app that acted for them.'),
  operation: z.string().max(200).optional(),
  outcome: z.enum(outcomes).optional(),
  reason: z.string().max(40).optional().describe('A reason code, such as `operation_not_in_role`.'),
  from: time.optional().describe('From this time on.'),
  to: time.optional().describe('Before this time.'),
}
const OrganizationQuery = z.object({
  ...filters,
  service: z
    .string()
    .refine((text) => parseId('svc', text) !== undefined, 'is not the id of a service')
    .transform((text) => parseId('svc', text))
    .optional(),
})
const ServiceQuery = z.object(filters)

const description =
  'Newest first; what guards are set to record, within about a second. With several filters at once a page may have ' +
  'fewer items than asked for and still a `next_cursor`.'

/** The decision log, as organizations and owners of services read it. */
export function decisionLogRoutes({ records, trails }: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'listDecisions', method: 'GET', path: '/organizations/{organization}/decisions' },
      ...{ tag, params: { organization: "the organization's id" }, status: 200 },
      ...{ summary: 'What the callers of an organization asked for, and how it was decided', description },
      ...{ query: OrganizationQuery, answer: pageOf(DecisionBody) },
      errors: ['invalid_request', 'organization_not_found'],
      handle: async ({ organizationId, query }) => {
        const answer = await page(trails, { kind: 'organization', organizationId }, query)
        if (answer.items.length === 0) await getOrganization(records, organizationId)
        return { body: answer }
      },
    }),
    route({
      ...{ operationId: 'listServiceDecisions', method: 'GET', path: '/services/{service}/decisions' },
      ...{ tag, params: { service: 'the id or the slug of the service' }, status: 200 },
      ...{ summary: 'What the guards of a service decided, whoever called', description },
      ...{ query: ServiceQuery, answer: pageOf(DecisionBody) },
      errors: ['invalid_request', 'service_not_found'],
      handle: async ({ organizationId, params, query }) => {
        const service = await getService(records, params['service'] ?? '')
        if (service.organizationId !== organizationId)
          throw new DomainError('service_not_found', 'no such service')
        return { body: await page(trails, { kind: 'service', serviceId: service.id }, query) }
      },
    }),
  ]
}

async function page(
  trails: Deps['trails'],
  of: DecisionsOf,
  query: DecisionFilter & { readonly limit: number; readonly cursor?: string | undefined },
) {
  const { items, nextCursor } = await listDecisions(trails, of, query, query)
  return { items: items.map(present), next_cursor: nextCursor }
}

function present(decision: RecordedDecision): z.input<typeof DecisionBody> {
  const { id, serviceId, outcome, reason, count, principal } = decision
  const { method = null, operation = null, path = null, resource = null, role = null } = decision
  return {
    ...{ id, at: rfc3339(timeOf(id)), service_id: serviceId, outcome, reason, count },
    ...{ method, operation, path, resource: resource && { ...resource }, role },
    principal:
      principal === undefined
        ? null
        : {
            ...{ kind: principal.kind, id: principal.id },
            ...{ organization_id: principal.organizationId, client_id: principal.clientId },
          },
  }
}
