import { z } from 'zod'
import { actorOf } from '../../audit/actor.ts'
import { type Principal, type Route, route } from '../../http/route.ts'
import type { OrganizationId } from '../../ids.ts'
import { changeService } from '../change-service.ts'
import { createService } from '../create-service.ts'
import { deleteService } from '../delete-service.ts'
import { getService } from '../find-service.ts'
import { listServices } from '../list-services.ts'
import { rotateSigningKey } from '../rotate-signing-key.ts'
import { type Service, signingAlgorithms } from '../service.ts'
import { tagWarnings } from '../tag-warnings.ts'
import {
  audience,
  confirmation,
  listOf,
  organizationIdOf,
  paging,
  presentList,
  service,
  tag,
} from './requests.ts'
import * as wire from './wire.ts'

type Deps = Parameters<typeof createService>[0] &
  Parameters<typeof changeService>[0] &
  Parameters<typeof rotateSigningKey>[0] &
  Parameters<typeof deleteService>[0]

export function singleServiceRoutes(deps: Deps): readonly Route[] {
  return [...collection(deps), ...single(deps), ...rotation(deps)]
}

function presented(found: Service) {
  return { body: wire.presentService(found), version: found.version }
}

function collection(deps: Deps): readonly Route[] {
  return [
    route({
      operationId: 'listServices',
      method: 'GET',
      path: '/services',
      summary: 'List all services',
      tag,
      params: {},
      query: z.object(paging),
      status: 200,
      answer: listOf(wire.ServiceBody),
      errors: [],
      handle: async ({ query }) => presentList(await listServices(deps.records, query), wire.presentService),
    }),
    route({
      operationId: 'createService',
      method: 'POST',
      path: '/services',
      summary: 'Make a service from an OpenAPI document',
      description:
        'The body is the document, OpenAPI 3.0 or 3.1, JSON or YAML. It is refused with every fault at once, or ' +
        'answered with `confirmation_required`: what it makes public and what each role gets. Repeat with the ' +
        '`confirmation` given there.',
      tag,
      params: {},
      query: z.object({
        slug: z.string().meta({ description: 'The first segment of its issuer: 3 to 40 of a-z, 0-9 and -.' }),
        audience,
        organization_id: z
          .string()
          .optional()
          .meta({ description: 'The owner; without it the organization of the token.' }),
        signing_algorithm: z.enum(signingAlgorithms).default('ES256'),
        access_token_ttl_seconds: z.coerce.number().int().default(900),
        confirmation,
      }),
      body: z.string(),
      bodyIs: 'document',
      status: 201,
      answer: wire.ServiceBody.extend({ warnings: z.array(wire.WarningBody) }),
      errors: [
        'document_refused',
        'confirmation_required',
        'slug_reserved',
        'already_exists',
        'organization_not_found',
      ],
      handle: async ({ principal, query, body }) => {
        const made = await createService(deps, actorOf(principal), {
          organizationId: ownerOf(query.organization_id, principal),
          slug: query.slug,
          document: Buffer.from(body),
          audience: query.audience,
          signingAlgorithm: query.signing_algorithm,
          accessTokenTtlSeconds: query.access_token_ttl_seconds,
          confirmation: query.confirmation,
        })
        const warnings = [...made.read.warnings, ...tagWarnings(made.service.model)].map(wire.presentWarning)
        return {
          body: { ...wire.presentService(made.service), warnings },
          version: made.service.version,
          location: `/services/${made.service.id}`,
        }
      },
    }),
  ]
}

function ownerOf(given: string | undefined, principal: Principal): OrganizationId {
  return given === undefined ? principal.organizationId : organizationIdOf(given)
}

function single(deps: Deps): readonly Route[] {
  const path = '/services/{service}'
  const params = { service }
  return [
    route({
      ...{ operationId: 'getService', method: 'GET', path, tag, params, status: 200 },
      summary: 'Read a service',
      answer: wire.ServiceBody,
      errors: ['service_not_found'],
      handle: async ({ params }) => presented(await getService(deps.records, params['service'] ?? '')),
    }),
    route({
      ...{ operationId: 'changeService', method: 'PATCH', path, tag, params, status: 200 },
      summary: 'Change what the document of a service does not say',
      body: z.strictObject({
        title: z.string().trim().min(1).max(200).optional(),
        access_token_ttl_seconds: z.int().min(60).max(86_400).optional(),
        audience: z.string().max(500).optional(),
        confirmation,
      }),
      example: { access_token_ttl_seconds: 600 },
      answer: wire.ServiceBody,
      errors: wire.changeErrors,
      handle: async ({ principal, params, body, ifMatch }) =>
        presented(
          await changeService(deps, actorOf(principal), params['service'] ?? '', {
            title: body.title,
            accessTokenTtlSeconds: body.access_token_ttl_seconds,
            audience: body.audience,
            confirmation: body.confirmation,
            ifMatch,
          }),
        ),
    }),
    route({
      ...{ operationId: 'deleteService', method: 'DELETE', path, tag, params, status: 204 },
      summary: 'Delete a service',
      description:
        'Its issuer is gone and its keys and tokens stop at once. Without `confirm` it answers what goes with it.',
      query: z.object({
        confirm: z.string().max(40).optional().meta({ description: "The service's slug, typed again." }),
      }),
      errors: wire.changeErrors,
      handle: async ({ principal, params, query, ifMatch }) => {
        const { confirm } = query
        await deleteService(deps, actorOf(principal), params['service'] ?? '', { confirm, ifMatch })
        return { body: undefined }
      },
    }),
  ]
}

function rotation(deps: Deps): readonly Route[] {
  return [
    route({
      operationId: 'rotateSigningKey',
      method: 'POST',
      path: '/services/{service}/signing-keys/rotate',
      summary: 'Take the next step in rotating the signing key of a service',
      description:
        'The first call publishes the next key. A call five minutes later or more lets it sign; the key before it stays ' +
        'published until the last token that it signed has ended. With `compromised` all keys, and every token ' +
        'signed with them, end at once.',
      ...{ tag, params: { service }, status: 200 },
      body: z.strictObject({ compromised: z.boolean().default(false) }),
      example: { compromised: false },
      answer: wire.ServiceBody,
      errors: ['service_not_found', 'already_done', 'precondition_failed', 'conflict'],
      handle: async ({ principal, params, body, ifMatch }) =>
        presented(
          await rotateSigningKey(deps, actorOf(principal), params['service'] ?? '', {
            compromised: body.compromised,
            ifMatch,
          }),
        ),
    }),
  ]
}
