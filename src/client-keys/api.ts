import { z } from 'zod'
import { actorOf } from '../audit/actor.ts'
import { usedMark } from '../audit/issued-tokens.ts'
import type { EpochMs } from '../clock.ts'
import { DomainError } from '../errors.ts'
import { pageOf, pagingQuery, readPage } from '../http/paging.ts'
import { type Route, route } from '../http/route.ts'
import { type ClientKeyId, type OrganizationId, parseId } from '../ids.ts'
import { getService } from '../services/find-service.ts'
import { giverOf, grantingOperation } from '../services/giver.ts'
import type { Counters } from '../storage/ports.ts'
import { changeClientKey } from './change-client-key.ts'
import { changeClientKeyRole } from './change-client-key-role.ts'
import { type ClientKey, getClientKey } from './client-key.ts'
import { createClientKey, type Issued } from './create-client-key.ts'
import { disableClientKey } from './disable-client-key.ts'
import { enableClientKey } from './enable-client-key.ts'
import { listClientKeys } from './list-client-keys.ts'
import { retireSecret } from './retire-secret.ts'
import { revokeClientKey } from './revoke-client-key.ts'
import { rotateClientKey } from './rotate-client-key.ts'
import * as wire from './wire.ts'

type Deps = Parameters<typeof createClientKey>[0] & {
  readonly counters: Pick<Counters, 'latest'>
  /** Where the deployment is reached, without a trailing slash. */
  readonly origin: string
}

const tag = 'Client keys'
const collectionPath = '/organizations/{organization}/keys'
const onePath = `${collectionPath}/{key}`
const organizationParam = { organization: "the organization's id" }
const params = { ...organizationParam, key: "the key's id, which is also its client_id" }
const changeErrors = [
  'invalid_request',
  'client_key_not_found',
  'client_key_state',
  'precondition_failed',
  'conflict',
] as const

function keyIn(params: Readonly<Record<string, string>>): ClientKeyId {
  const id = parseId('key', params['key'] ?? '')
  if (id === undefined) throw new DomainError('client_key_not_found', 'no such client key')
  return id
}

/** @throws {DomainError} `invalid_request` for a time that is not ahead */
function expiryAhead(expiresAt: EpochMs | null | undefined, nowMs: EpochMs): void {
  if (expiresAt === undefined || expiresAt === null || expiresAt > nowMs) return
  throw new DomainError('invalid_request', 'the key would have expired already', {
    faults: [{ pointer: '/expires_at', detail: 'is not in the future' }],
  })
}

export function clientKeyRoutes(deps: Deps): readonly Route[] {
  return [...collection(deps), ...one(deps), ...secretRoutes(deps), ...stateRoutes(deps)]
}

async function lastUses(
  deps: Deps,
  organizationId: OrganizationId,
  keys: readonly ClientKey[],
): Promise<(key: ClientKey) => EpochMs | undefined> {
  if (keys.length === 0) return () => undefined
  const marks = await deps.counters.latest(
    organizationId,
    keys.map(({ id }) => usedMark(id)),
  )
  return ({ id }) => marks.get(usedMark(id))
}

async function answer(deps: Deps, key: ClientKey) {
  const lastUsedAt = (await lastUses(deps, key.organizationId, [key]))(key)
  return { body: wire.present(key, deps.clock(), lastUsedAt), version: key.version }
}

async function issuedAnswer(deps: Deps, issued: Issued) {
  const { key } = issued
  const lastUsedAt = (await lastUses(deps, key.organizationId, [key]))(key)
  const service = await getService(deps.records, key.serviceId)
  const tokenEndpoint = `${deps.origin}/${service.slug}/oauth/token`
  const body = wire.presentIssued(issued, deps.clock(), { tokenEndpoint, lastUsedAt })
  return { body, version: key.version }
}

function collection(deps: Deps): readonly Route[] {
  return [
    route({
      ...{
        operationId: 'listClientKeys',
        method: 'GET',
        path: collectionPath,
        tag,
        params: organizationParam,
      },
      summary: "List the organization's client keys",
      query: z.object({
        ...pagingQuery,
        service: z.string().max(40).optional().describe('Of this service alone.'),
      }),
      ...{ status: 200, answer: pageOf(wire.ClientKeyBody) },
      errors: ['invalid_request', 'organization_not_found', 'service_not_found'],
      handle: async ({ organizationId, query }) => {
        const { items, nextCursor } = await readPage(query, (page) =>
          listClientKeys(deps.records, organizationId, query.service, page),
        )
        const lastUsedAt = await lastUses(deps, organizationId, items)
        const nowMs = deps.clock()
        const shown = items.map((key) => wire.present(key, nowMs, lastUsedAt(key)))
        return { body: { items: shown, next_cursor: nextCursor } }
      },
    }),
    route({
      ...{
        operationId: 'createClientKey',
        method: 'POST',
        path: collectionPath,
        tag,
        params: organizationParam,
      },
      summary: 'Make a client key',
      description: 'The secret is in this answer and nowhere else: what is kept is a sealed hash.',
      ...{ body: wire.NewClientKeyBody, status: 201, answer: wire.IssuedBody },
      example: {
        service: 'clinic',
        name: 'Nightly export',
        role: 'patients:read',
        tags: { ward: ['north'] },
      },
      errors: [
        ...(['invalid_request', 'organization_not_found', 'service_not_found'] as const),
        ...(['role_not_found', 'role_not_grantable', 'tag_not_grantable'] as const),
      ],
      handle: async ({ principal, organizationId, body }) => {
        expiryAhead(body.expires_at, deps.clock())
        const giver = await giverOf(deps.records, principal)
        const { service, name, role, environment, cidrs, tags, guards_service: guardsService } = body
        const issued = await createClientKey(deps, actorOf(principal), giver, organizationId, {
          ...{ service, name, role, environment, cidrs, tags, guardsService, jwks: body.jwks?.keys },
          expiresAt: body.expires_at ?? undefined,
          isPublic: body.public === true,
          addresses: wire.addressesIn(body),
        })
        const location = `/organizations/${organizationId}/keys/${issued.key.id}`
        return { ...(await issuedAnswer(deps, issued)), location }
      },
    }),
  ]
}

function one(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'getClientKey', method: 'GET', path: onePath, tag, params },
      summary: 'Read a client key',
      ...{ status: 200, answer: wire.ClientKeyBody, errors: ['client_key_not_found'] },
      handle: async ({ organizationId, params }) =>
        answer(deps, await getClientKey(deps.records, organizationId, keyIn(params))),
    }),
    route({
      ...{ operationId: 'changeClientKey', method: 'PATCH', path: onePath, tag, params },
      summary: 'Change the name, expiry, address restriction, tags or redirect URIs of a key',
      description: 'A change of expiry, addresses or tags ends the tokens that it has.',
      ...{ body: wire.ClientKeyChangeBody, status: 200, answer: wire.ClientKeyBody },
      errors: [...changeErrors, 'role_not_grantable', 'tag_not_grantable'],
      example: { cidrs: ['192.0.2.0/24', '2001:db8::/32'] },
      handle: async ({ principal, organizationId, params, body, ifMatch }) => {
        expiryAhead(body.expires_at, deps.clock())
        const giver = await giverOf(deps.records, principal)
        const { name, expires_at: expiresAt, cidrs, tags } = body
        const change = { name, expiresAt, cidrs, tags, addresses: wire.addressesIn(body), ifMatch }
        return answer(
          deps,
          await changeClientKey(deps, actorOf(principal), giver, organizationId, keyIn(params), change),
        )
      },
    }),
    route({
      ...{ operationId: grantingOperation, method: 'PUT', path: `${onePath}/role`, tag, params },
      summary: 'Give a key another role',
      description: 'Who may do this gives any role within the entitlement. Tokens with the old role end.',
      ...{
        body: wire.RoleChangeBody,
        status: 200,
        answer: wire.ClientKeyBody,
        example: { role: 'patients:read' },
      },
      errors: [...changeErrors, 'role_not_found', 'role_not_grantable', 'service_not_found'],
      handle: async ({ principal, organizationId, params, body, ifMatch }) => {
        const giver = await giverOf(deps.records, principal)
        const change = { role: body.role, guardsService: body.guards_service, ifMatch }
        const by = actorOf(principal)
        return answer(deps, await changeClientKeyRole(deps, by, giver, organizationId, keyIn(params), change))
      },
    }),
  ]
}

function secretRoutes(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'rotateClientKey', method: 'POST', path: `${onePath}/rotate`, tag, params },
      summary: 'Give a key a new secret',
      description:
        'The old one lives on for the grace, so that nothing stops. The new one is shown this once.',
      ...{ body: wire.RotateBody, status: 200, answer: wire.IssuedBody, example: { grace_seconds: 86_400 } },
      errors: [...changeErrors, 'role_not_grantable', 'tag_not_grantable'],
      handle: async ({ principal, organizationId, params, body, ifMatch }) => {
        const giver = await giverOf(deps.records, principal)
        const rotation = { graceSeconds: body.grace_seconds, ifMatch }
        const by = actorOf(principal)
        return issuedAnswer(
          deps,
          await rotateClientKey(deps, by, giver, organizationId, keyIn(params), rotation),
        )
      },
    }),
    route({
      ...{ operationId: 'retireClientSecret', method: 'POST', path: `${onePath}/retire`, tag, params },
      summary: 'End one of two live secrets now',
      description: "The key's tokens end, too: which secret bought which is not kept.",
      ...{ body: wire.RetireBody, status: 200, answer: wire.ClientKeyBody, errors: changeErrors },
      example: { secret_id: 'sec_01jz8x6v0kq3m5n7p9r1s3t5v7' },
      handle: async ({ principal, organizationId, params, body, ifMatch }) => {
        const secretId = parseId('sec', body.secret_id)
        if (secretId === undefined)
          throw new DomainError('client_key_state', 'the key has no such live secret')
        const by = actorOf(principal)
        return answer(
          deps,
          await retireSecret(deps, by, organizationId, keyIn(params), { secretId, ifMatch }),
        )
      },
    }),
  ]
}

function stateRoutes(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'disableClientKey', method: 'POST', path: `${onePath}/disable`, tag, params },
      summary: 'Stop a key until it is enabled',
      ...{ status: 200, answer: wire.ClientKeyBody, errors: changeErrors },
      handle: async ({ principal, organizationId, params, ifMatch }) =>
        answer(
          deps,
          await disableClientKey(deps, actorOf(principal), organizationId, keyIn(params), { ifMatch }),
        ),
    }),
    route({
      ...{ operationId: 'enableClientKey', method: 'POST', path: `${onePath}/enable`, tag, params },
      summary: 'Let a disabled key work again',
      ...{
        status: 200,
        answer: wire.ClientKeyBody,
        errors: [...changeErrors, 'role_not_grantable', 'tag_not_grantable'],
      },
      handle: async ({ principal, organizationId, params, ifMatch }) => {
        const giver = await giverOf(deps.records, principal)
        const by = actorOf(principal)
        return answer(
          deps,
          await enableClientKey(deps, by, giver, organizationId, keyIn(params), { ifMatch }),
        )
      },
    }),
    route({
      ...{ operationId: 'revokeClientKey', method: 'POST', path: `${onePath}/revoke`, tag, params },
      summary: 'End a key for good',
      description: 'The key and its tokens stop at once. Revoking again changes nothing.',
      ...{
        body: wire.RevokeBody,
        status: 200,
        answer: wire.ClientKeyBody,
        example: { reason: 'key_compromise' },
      },
      errors: changeErrors,
      handle: async ({ principal, organizationId, params, body, ifMatch }) => {
        const revocation = { ...body, ifMatch }
        const by = actorOf(principal)
        return answer(deps, await revokeClientKey(deps, by, organizationId, keyIn(params), revocation))
      },
    }),
  ]
}
