import { z } from 'zod'
import { actorOf } from '../audit/actor.ts'
import type { Actor } from '../audit/record.ts'
import { rfc3339 } from '../clock.ts'
import { DomainError } from '../errors.ts'
import { pageOf, pagingQuery, readPage } from '../http/paging.ts'
import { type Route, route } from '../http/route.ts'
import { parseId } from '../ids.ts'
import { getService } from '../services/find-service.ts'
import type { Records } from '../storage/ports.ts'
import { deleteRegisteredApp } from './delete-registered-app.ts'
import {
  createInitialAccessToken,
  deleteInitialAccessToken,
  type InitialAccessToken,
  initialAccessTokens,
} from './initial-access-token.ts'
import { getRegisteredApp, type RegisteredApp, registeredApps } from './registered-app.ts'

type Deps = Parameters<typeof deleteRegisteredApp>[0] &
  Parameters<typeof createInitialAccessToken>[0] & {
    /** Not a cache. */
    readonly records: Records
    /** What people have let the app do ends with it. */
    readonly endConsents: (by: Actor, clientId: string) => Promise<void>
  }

const AppBody = z.strictObject({
  client_id: z.string(),
  client_name: z.string().nullable(),
  redirect_uris: z.array(z.string()),
  grant_types: z.array(z.string()),
  scope: z.string().nullable(),
  token_endpoint_auth_method: z.string(),
  registered_at: z.string(),
})
const InitialAccessTokenBody = z.strictObject({
  id: z.string(),
  name: z.string(),
  expires_at: z.string(),
  created_at: z.string(),
})

const service = 'the id or the slug of the service'
const tag = 'Services'

export function registeredAppRoutes(deps: Deps): readonly Route[] {
  return [...apps(deps), ...tokens(deps)]
}

function apps(deps: Deps): readonly Route[] {
  const path = '/services/{service}/apps'
  const one = `${path}/{registered_app}`
  const params = { service, registered_app: 'its `client_id`' }
  const named = async (given: Readonly<Record<string, string>>) => {
    const id = parseId('app', given['registered_app'] ?? '')
    if (id === undefined) throw new DomainError('app_not_found', 'no such app')
    return getRegisteredApp(deps.records, await getService(deps.records, given['service'] ?? ''), id)
  }
  return [
    route({
      ...{ operationId: 'listRegisteredApps', method: 'GET', path, tag, params: { service }, status: 200 },
      summary: 'List the apps that have registered themselves at a service',
      query: z.object(pagingQuery),
      answer: pageOf(AppBody),
      errors: ['service_not_found'],
      handle: async ({ params, query }) => {
        const { organizationId, id } = await getService(deps.records, params['service'] ?? '')
        const { items, nextCursor } = await readPage(query, (page) =>
          deps.records.list(organizationId, registeredApps, 'service', id, page),
        )
        return { body: { items: items.map(presentApp), next_cursor: nextCursor } }
      },
    }),
    route({
      ...{ operationId: 'getRegisteredApp', method: 'GET', path: one, tag, params, status: 200 },
      summary: 'Read an app that has registered itself',
      answer: AppBody,
      errors: ['service_not_found', 'app_not_found'],
      handle: async ({ params }) => ({ body: presentApp(await named(params)) }),
    }),
    route({
      ...{ operationId: 'deleteRegisteredApp', method: 'DELETE', path: one, tag, params, status: 204 },
      summary: 'Delete an app that has registered itself: its tokens end at once',
      errors: ['service_not_found', 'app_not_found', 'conflict'],
      handle: async ({ principal, params }) => {
        const app = await named(params)
        await deleteRegisteredApp(deps, actorOf(principal), app)
        await deps.endConsents(actorOf(principal), app.id)
        return { body: undefined }
      },
    }),
  ]
}

function tokens(deps: Deps): readonly Route[] {
  const path = '/services/{service}/initial-access-tokens'
  return [
    route({
      operationId: 'listInitialAccessTokens',
      ...{ method: 'GET', path, tag, params: { service }, status: 200 },
      summary: 'List the tokens with which apps may register at a service',
      query: z.object(pagingQuery),
      answer: pageOf(InitialAccessTokenBody),
      errors: ['service_not_found'],
      handle: async ({ params, query }) => {
        const { organizationId, id } = await getService(deps.records, params['service'] ?? '')
        const { items, nextCursor } = await readPage(query, (page) =>
          deps.records.list(organizationId, initialAccessTokens, 'service', id, page),
        )
        return { body: { items: items.map(presentToken), next_cursor: nextCursor } }
      },
    }),
    route({
      operationId: 'createInitialAccessToken',
      ...{ method: 'POST', path, tag, params: { service }, status: 201 },
      summary: 'Make a token with which apps may register at a service (RFC 7591)',
      body: z.strictObject({
        name: z.string().min(1).max(100).describe('For whom it is.'),
        days: z.int().min(1).max(365).default(30).describe('How long it works.'),
      }),
      example: { name: 'partners of the spring programme', days: 30 },
      answer: InitialAccessTokenBody.extend({
        initial_access_token: z.string().describe('Shown this once.'),
      }),
      errors: ['service_not_found'],
      handle: async ({ principal, params, body }) => {
        const found = await getService(deps.records, params['service'] ?? '')
        const { token, text } = await createInitialAccessToken(deps, actorOf(principal), found, body)
        return { body: { ...presentToken(token), initial_access_token: text.reveal() } }
      },
    }),
    route({
      operationId: 'deleteInitialAccessToken',
      ...{ method: 'DELETE', path: `${path}/{initial_access_token}`, tag, status: 204 },
      params: { service, initial_access_token: 'its id, not the token itself' },
      summary: 'Delete an initial access token: nobody may register with it any more',
      errors: ['service_not_found', 'initial_access_token_not_found', 'conflict'],
      handle: async ({ principal, params }) => {
        const found = await getService(deps.records, params['service'] ?? '')
        const id = parseId('iat', params['initial_access_token'] ?? '')
        if (id === undefined) throw new DomainError('initial_access_token_not_found', 'no such token')
        await deleteInitialAccessToken(deps, actorOf(principal), found, id)
        return { body: undefined }
      },
    }),
  ]
}

function presentApp({ id, metadata, createdAt }: RegisteredApp): z.input<typeof AppBody> {
  const text = (name: string) => (typeof metadata[name] === 'string' ? metadata[name] : null)
  const texts = (name: string) => (Array.isArray(metadata[name]) ? metadata[name].map(String) : [])
  return {
    client_id: id,
    client_name: text('client_name'),
    redirect_uris: texts('redirect_uris'),
    grant_types: texts('grant_types'),
    scope: text('scope'),
    token_endpoint_auth_method: text('token_endpoint_auth_method') ?? 'none',
    registered_at: rfc3339(createdAt),
  }
}

function presentToken(token: InitialAccessToken): z.input<typeof InitialAccessTokenBody> {
  const { id, name, expiresAt, createdAt } = token
  return { id, name, expires_at: rfc3339(expiresAt), created_at: rfc3339(createdAt) }
}
