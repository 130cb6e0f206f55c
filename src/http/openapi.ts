import { createDocument } from 'zod-openapi'
import { type DescribedOperation, operationObject } from './described-operation.ts'
import { apiPrefix } from './find-route.ts'
import type { Route } from './route.ts'

/** A role of the service `latchkey`, as `x-latchkey-roles` writes it. */
export interface DescribedRole {
  readonly description: string
  readonly grantable: boolean
  readonly in_default_entitlement?: boolean
  readonly allow: readonly { readonly operations: readonly string[] }[]
}

export interface ApiDocumentOptions {
  readonly routes: readonly Route[]
  /** Where the deployment is reached, without a trailing slash; the audience of the tokens. */
  readonly origin: string
  /** The product's. */
  readonly version: string
  /** Operations of the service that are served elsewhere than under `/api/v1`, with their full paths. */
  readonly extraOperations?: readonly DescribedOperation[]
  readonly extraRoles?: Readonly<Record<string, DescribedRole>>
}

/** The OpenAPI 3.1 document of the management API: what the routes say, and what protects them. Plain JSON. */
export type ApiDocument = ReturnType<typeof createDocument>

const own = '/organizations/{organization}'

export function apiDocument(options: ApiDocumentOptions): ApiDocument {
  const { routes, origin, version, extraOperations = [], extraRoles = {} } = options
  const operations = [...describedRoutes(routes), ...extraOperations]
  const paths: Record<string, Record<string, ReturnType<typeof operationObject>>> = {}
  for (const operation of operations) {
    const method = operation.method.toLowerCase()
    paths[operation.path] = { ...paths[operation.path], [method]: operationObject(operation, origin) }
  }
  const roles = organizationRoles(routes)
  const tags = [...new Set(operations.map(({ tag }) => tag))].map((name) => ({ name }))
  return createDocument(
    {
      openapi: '3.1.0',
      info: { title: 'Latchkey', version, description },
      servers: [{ url: origin }],
      tags,
      paths,
      security: [{ latchkey: [] }],
      components: { securitySchemes: { latchkey: securityScheme(origin, roles) } },
      // Its router is exact, so a path in another letter case is no operation rather than an ambiguous one.
      'x-latchkey-strict-paths': true,
      'x-latchkey-roles': { ...roles, ...extraRoles },
    },
    { allowEmptySchema: { custom: true, transform: true } },
  )
}

/** The routes as operations of the document, at their full paths. */
export function describedRoutes(routes: readonly Route[]): readonly DescribedOperation[] {
  return routes.map(({ handle: _, ...route }) => ({ ...route, path: apiPrefix + route.path }))
}

function securityScheme(origin: string, roles: Readonly<Record<string, DescribedRole>>) {
  const tokenUrl = `${origin}/latchkey/oauth/token`
  const scopes = Object.fromEntries(
    Object.entries(roles).map(([name, { description }]) => [name, description]),
  )
  return {
    type: 'oauth2' as const,
    description:
      'A client key is exchanged for a short-lived JWT, sent as `Authorization: Bearer` (RFC 6750). Apps get one for people.',
    flows: {
      clientCredentials: { tokenUrl, scopes: {} },
      // What apps may ask people for; `admin` and `viewer` are no scopes, and so are nobody's to ask for.
      authorizationCode: { authorizationUrl: `${origin}/latchkey/oauth/authorize`, tokenUrl, scopes },
    },
  }
}

/** What a customer may hold of the management API: all of its own organization, or the reading of it. */
function organizationRoles(routes: readonly Route[]): Record<string, DescribedRole> {
  const within = routes.filter(({ path }) => path === own || path.startsWith(`${own}/`))
  const reading = within.filter(({ method }) => method === 'GET')
  return {
    'organization-admin': {
      description: 'Everything within its own organization.',
      grantable: true,
      allow: statements(within),
    },
    'organization-viewer': {
      description: 'Reads everything within its own organization.',
      grantable: true,
      allow: statements(reading),
    },
  }
}

function statements(routes: readonly Route[]): DescribedRole['allow'] {
  return routes.length === 0 ? [] : [{ operations: routes.map(({ operationId }) => operationId) }]
}

const description = `The management API. JSON in \`snake_case\`, times in RFC 3339 UTC.

Errors are RFC 9457 problems with a stable \`code\`, what to do about it in \`fix\`, and every fault with its place in
\`errors\`. Each answer carries \`X-Request-Id\`, and \`X-Decision-Id\` once it was decided. What is absent and what is another organization's answer alike.

Bodies are strict: an unknown field is refused by name. Lists take \`limit\` and \`cursor\` and answer \`next_cursor\`.
\`ETag\` is the version, \`If-Match\` makes a change depend on it, \`Idempotency-Key\` makes a repeat harmless for 24 hours.`
