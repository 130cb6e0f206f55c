import { z } from 'zod'
import { rfc3339 } from '../clock.ts'
import { DomainError } from '../errors.ts'
import { pageOf, pagingQuery, readPage } from '../http/paging.ts'
import { type Route, route } from '../http/route.ts'
import { type OrganizationId, parseId } from '../ids.ts'
import type { Counter, Counters, Records } from '../storage/ports.ts'
import { listRefusals, type Refusal, refusalReasons } from './activity.ts'
import { eventTypes } from './catalogue.ts'
import { type AuditEvent, auditEvents } from './record.ts'

interface Deps {
  readonly records: Pick<Records, 'list'>
  readonly counters: Pick<Counters, 'list'>
}

const tag = 'Audit'
const params = { organization: "the organization's id" }

const EventBody = z.object({
  id: z.string(),
  type: z.string(),
  at: z.string(),
  target: z.string().describe('The id of what was changed or looked at.'),
  by: z.object({
    kind: z.enum(['key', 'user', 'system']),
    id: z.string(),
    organization_id: z.string(),
    request_id: z.string(),
    address: z.string().nullable(),
  }),
  details: z.record(z.string(), z.unknown()),
})

const RefusalBody = z.object({
  key_id: z.string().nullable(),
  assumption_id: z.string().nullable().describe('An own role that somebody wanted to assume.'),
  reason: z.string().describe(`One of ${refusalReasons.join(', ')}.`),
  address: z.string().describe("The client's address."),
  minute: z.string().describe('The minute in which they were counted.'),
  count: z.number().int(),
})

const EventsQuery = z.object({
  ...pagingQuery,
  type: z.enum(eventTypes).optional(),
  target: z.string().max(200).optional().describe('The id of what was changed. Not together with `type`.'),
})

const ActivityQuery = z.object({
  limit: pagingQuery.limit,
  cursor: z.string().max(1000).optional(),
  key: z.string().max(40).optional().describe("A client key's id."),
  assumption: z.string().max(40).optional().describe("An assumption's id. Not together with `key`."),
})

/** The trail of an organization, and what happens to its keys. */
export function auditRoutes(deps: Deps): readonly Route[] {
  return [
    route({
      ...{
        operationId: 'listAuditEvents',
        method: 'GET',
        path: '/organizations/{organization}/audit-events',
      },
      ...{ tag, params, summary: 'What was changed, and by whom; newest first', query: EventsQuery },
      ...{ status: 200, answer: pageOf(EventBody), errors: ['invalid_request', 'organization_not_found'] },
      handle: async ({ organizationId, query }) => {
        const [index, key] = indexFor(query)
        const { items, nextCursor } = await readPage(query, (page) =>
          deps.records.list(organizationId, auditEvents, index, key, { ...page, order: 'newest_first' }),
        )
        if (items.length === 0) await expectTrail(deps, organizationId)
        return { body: { items: items.map(presentEvent), next_cursor: nextCursor } }
      },
    }),
    route({
      ...{ operationId: 'listActivity', method: 'GET', path: '/organizations/{organization}/activity' },
      ...{ tag, params, summary: 'Keys and assumptions that were refused a token, and why; newest first' },
      description:
        'Counted by key or assumption, reason, address and minute. Written about a second after it happened.',
      ...{ query: ActivityQuery, status: 200, answer: pageOf(RefusalBody) },
      errors: ['invalid_request', 'organization_not_found'],
      handle: async ({ organizationId, query: { limit, cursor, ...whose } }) => {
        const id = countedIn(whose)
        const after = cursor === undefined ? {} : { after: readCursor(cursor) }
        const found = await listRefusals(deps.counters, organizationId, id, { limit: limit + 1, ...after })
        if (found.length === 0) await expectTrail(deps, organizationId)
        const items = found.slice(0, limit)
        const last = items.at(-1)
        const next = found.length > limit && last !== undefined ? writeCursor(last.counter) : null
        return { body: { items: items.map(presentRefusal), next_cursor: next } }
      },
    }),
  ]
}

/**
 * Every organization's trail begins with its making, and outlives it: without an event there never was one.
 * @throws {DomainError} `organization_not_found`
 */
async function expectTrail({ records }: Deps, organizationId: OrganizationId): Promise<void> {
  const [any] = await records.list(organizationId, auditEvents, 'all', '', { limit: 1 })
  if (any === undefined) throw new DomainError('organization_not_found', 'no such organization')
}

function indexFor({ type, target }: z.output<typeof EventsQuery>): readonly [index: string, key: string] {
  if (type !== undefined && target !== undefined) throw badQuery('target', 'cannot be given with `type`')
  if (type !== undefined) return ['type', type]
  return target === undefined ? ['all', ''] : ['target', target]
}

function presentEvent({ id, type, at, target, by, details }: AuditEvent): z.input<typeof EventBody> {
  const { kind, organizationId, requestId, address = null } = by
  const actor = { kind, id: by.id, organization_id: organizationId, request_id: requestId, address }
  return { id, type, at: rfc3339(at), target, by: actor, details: { ...details } }
}

function countedIn({ key, assumption }: Pick<z.output<typeof ActivityQuery>, 'key' | 'assumption'>) {
  if (key !== undefined && assumption !== undefined)
    throw badQuery('assumption', 'cannot be given with `key`')
  const keyId = key === undefined ? undefined : parseId('key', key)
  if (key !== undefined && keyId === undefined) throw badQuery('key', 'is not the id of a client key')
  const assumptionId = assumption === undefined ? undefined : parseId('asm', assumption)
  if (assumption !== undefined && assumptionId === undefined)
    throw badQuery('assumption', 'is not the id of an assumption')
  return keyId ?? assumptionId
}

function presentRefusal({
  kind,
  id,
  reason,
  address,
  minuteAt,
  count,
}: Refusal): z.input<typeof RefusalBody> {
  return {
    ...{ key_id: kind === 'key' ? id : null, assumption_id: kind === 'assumption' ? id : null },
    ...{ reason, address, minute: rfc3339(minuteAt), count },
  }
}

const Cursor = z.tuple([z.int().min(0), z.string().min(1).max(500)])

function writeCursor({ windowAt, name }: Counter): string {
  return Buffer.from(JSON.stringify([windowAt, name])).toString('base64url')
}

function readCursor(text: string): Counter {
  const parsed = Cursor.safeParse(jsonOf(Buffer.from(text, 'base64url').toString()))
  if (!parsed.success || parsed.data[1].includes('\0'))
    throw badQuery('cursor', 'is not a next_cursor of this list')
  const [windowAt, name] = parsed.data
  return { windowAt, name, count: 0 }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // What is no JSON is no cursor, as the caller is told.
    return undefined
  }
}

function badQuery(name: string, detail: string): DomainError {
  return new DomainError('invalid_request', 'The query was refused.', {
    faults: [{ pointer: `?${name}`, detail }],
  })
}
