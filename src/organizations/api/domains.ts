import { z } from 'zod'
import { actorOf } from '../../audit/actor.ts'
import { type EpochMs, rfc3339 } from '../../clock.ts'
import { DomainError } from '../../errors.ts'
import { pageOf, pagingQuery, readPage } from '../../http/paging.ts'
import { type Route, route } from '../../http/route.ts'
import { type DomainId, parseId } from '../../ids.ts'
import { addDomain } from '../add-domain.ts'
import { type Domain, domains, getDomain, txtName } from '../domain.ts'
import { getOrganization } from '../organization.ts'
import { removeDomain } from '../remove-domain.ts'
import { lapseMs } from '../sweep-domains.ts'
import { verifyDomain } from '../verify-domain.ts'

type Deps = Parameters<typeof addDomain>[0] & Parameters<typeof verifyDomain>[0]

const tag = 'Domains'
const collectionPath = '/organizations/{organization}/domains'
const onePath = `${collectionPath}/{domain}`
const organizationParam = { organization: "the organization's id" }
const params = { ...organizationParam, domain: "the domain's id" }

const NewDomainBody = z.strictObject({
  name: z.string().trim().min(1).max(300).describe('What stands after the @; letters of any script.'),
})

const nullableTime = z.string().nullable()
const DomainBody = z.object({
  id: z.string(),
  organization_id: z.string(),
  name: z.string().describe('In lower case and punycode.'),
  state: z
    .enum(['pending', 'verified', 'lapsed'])
    .describe(
      'Only a verified domain routes its people, and only for its addresses does a connection speak.',
    ),
  txt_name: z.string().describe('Where to publish a TXT record, and to leave it.'),
  txt_value: z.string(),
  verified_at: nullableTime,
  last_seen_at: nullableTime.describe('When the TXT record was last found. It is read again daily.'),
  missing_since: nullableTime.describe('Since when the TXT record is not there.'),
  lapses_at: nullableTime.describe('When the domain stops routing if the record does not come back.'),
  lapsed_at: nullableTime,
  created_at: z.string(),
})

function time(at: EpochMs | undefined): string | null {
  return at === undefined ? null : rfc3339(at)
}

function present(domain: Domain): z.input<typeof DomainBody> {
  const { id, organizationId, name, proof, state, createdAt } = domain
  const verified = state.kind === 'verified' ? state : undefined
  const missingSinceAt = verified?.missingSinceAt
  return {
    ...{ id, organization_id: organizationId, name, state: state.kind },
    ...{ txt_name: txtName(domain), txt_value: proof },
    verified_at: time(verified?.verifiedAt),
    last_seen_at: time(verified?.lastSeenAt),
    missing_since: time(missingSinceAt),
    lapses_at: time(missingSinceAt === undefined ? undefined : missingSinceAt + lapseMs),
    lapsed_at: time(state.kind === 'lapsed' ? state.lapsedAt : undefined),
    created_at: rfc3339(createdAt),
  }
}

function answer(domain: Domain) {
  return { body: present(domain), version: domain.version }
}

function domainIn(params: Readonly<Record<string, string>>): DomainId {
  const id = parseId('dom', params['domain'] ?? '')
  if (id === undefined) throw new DomainError('domain_not_found', 'no such domain')
  return id
}

/** The domains of an organization: claimed, proven by DNS, given back. */
export function domainRoutes(deps: Deps): readonly Route[] {
  return [...collection(deps), ...one(deps)]
}

function collection(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'listDomains', method: 'GET', path: collectionPath, tag, params: organizationParam },
      summary: "List the organization's domains",
      ...{ query: z.object(pagingQuery), status: 200, answer: pageOf(DomainBody) },
      errors: ['invalid_request', 'organization_not_found'],
      handle: async ({ organizationId, query }) => {
        await getOrganization(deps.records, organizationId)
        const { items, nextCursor } = await readPage(query, (page) =>
          deps.records.list(organizationId, domains, 'all', '', page),
        )
        return { body: { items: items.map(present), next_cursor: nextCursor } }
      },
    }),
    route({
      ...{ operationId: 'addDomain', method: 'POST', path: collectionPath, tag, params: organizationParam },
      summary: "Claim a domain of the organization's e-mail addresses",
      description:
        'Publish the TXT record that the answer names, then verify the domain. Nothing follows from it before that.',
      ...{ body: NewDomainBody, status: 201, answer: DomainBody, example: { name: 'clinic.example' } },
      errors: ['invalid_request', 'organization_not_found', 'already_exists'],
      handle: async ({ principal, organizationId, body }) => {
        const domain = await addDomain(deps, actorOf(principal), organizationId, body.name)
        return { ...answer(domain), location: `/organizations/${organizationId}/domains/${domain.id}` }
      },
    }),
  ]
}

function one(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'getDomain', method: 'GET', path: onePath, tag, params },
      ...{ summary: 'Read a domain', status: 200, answer: DomainBody, errors: ['domain_not_found'] },
      handle: async ({ organizationId, params }) =>
        answer(await getDomain(deps.records, organizationId, domainIn(params))),
    }),
    route({
      ...{ operationId: 'verifyDomain', method: 'POST', path: `${onePath}/verify`, tag, params },
      summary: 'Look for the TXT record now',
      description:
        'Found, the domain routes from here on. Otherwise `domain_unproven` says what is there instead, in `seen`.',
      ...{ status: 200, answer: DomainBody },
      errors: ['domain_not_found', 'domain_unproven', 'already_exists', 'precondition_failed', 'conflict'],
      handle: async ({ principal, organizationId, params, ifMatch }) =>
        answer(await verifyDomain(deps, actorOf(principal), organizationId, domainIn(params), { ifMatch })),
    }),
    route({
      ...{ operationId: 'removeDomain', method: 'DELETE', path: onePath, tag, params },
      summary: 'Give a domain up',
      description: 'It stops routing at once, and another organization may claim it.',
      ...{ status: 204, errors: ['domain_not_found', 'precondition_failed', 'conflict'] },
      handle: async ({ principal, organizationId, params, ifMatch }) => {
        await removeDomain(deps, actorOf(principal), organizationId, domainIn(params), { ifMatch })
        return { body: undefined }
      },
    }),
  ]
}
