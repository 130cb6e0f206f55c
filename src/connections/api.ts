import { z } from 'zod'
import { actorOf } from '../audit/actor.ts'
import { rfc3339 } from '../clock.ts'
import { DomainError } from '../errors.ts'
import { pageOf, pagingQuery, readPage } from '../http/paging.ts'
import { type Route, route } from '../http/route.ts'
import { type ConnectionId, parseId } from '../ids.ts'
import { getOrganization } from '../organizations/organization.ts'
import { giverOf } from '../services/giver.ts'
import { activateConnection } from './activate-connection.ts'
import { changeConnection } from './change-connection.ts'
import { type Connection, connections, getConnection } from './connection.ts'
import { connectionTests } from './connection-test.ts'
import { createConnection } from './create-connection.ts'
import { deleteConnection } from './delete-connection.ts'
import { disableConnection } from './disable-connection.ts'
import { beginConnectionTest } from './test-connection.ts'
import * as wire from './wire.ts'

type Deps = Parameters<typeof createConnection>[0] & Parameters<typeof beginConnectionTest>[0]

const tag = 'Connections'
const collectionPath = '/organizations/{organization}/connections'
const onePath = `${collectionPath}/{connection}`
const organizationParam = { organization: "the organization's id" }
const params = { ...organizationParam, connection: "the connection's id" }
const givingErrors = [
  ...(['invalid_request', 'service_not_found', 'role_not_found'] as const),
  ...(['role_not_grantable', 'tag_not_grantable'] as const),
] as const
const changeErrors = ['connection_not_found', 'precondition_failed', 'conflict'] as const

function connectionIn(params: Readonly<Record<string, string>>): ConnectionId {
  const id = parseId('con', params['connection'] ?? '')
  if (id === undefined) throw new DomainError('connection_not_found', 'no such connection')
  return id
}

/** An organization's identity providers: set up, tested, switched on and off. */
export function connectionRoutes(deps: Deps): readonly Route[] {
  return [...collection(deps), ...one(deps), ...states(deps), ...tests(deps)]
}

function answerWith({ origin }: Deps) {
  return (connection: Connection) => ({
    body: wire.present(connection, origin),
    version: connection.version,
  })
}

function collection(deps: Deps): readonly Route[] {
  const answer = answerWith(deps)
  const common = { path: collectionPath, tag, params: organizationParam }
  return [
    route({
      ...{ operationId: 'listConnections', method: 'GET', ...common },
      summary: "List the organization's connections",
      ...{ query: z.object(pagingQuery), status: 200, answer: pageOf(wire.ConnectionBody) },
      errors: ['invalid_request', 'organization_not_found'],
      handle: async ({ organizationId, query }) => {
        await getOrganization(deps.records, organizationId)
        const { items, nextCursor } = await readPage(query, (page) =>
          deps.records.list(organizationId, connections, 'all', '', page),
        )
        const shown = items.map((connection) => wire.present(connection, deps.origin))
        return { body: { items: shown, next_cursor: nextCursor } }
      },
    }),
    route({
      ...{ operationId: 'createConnection', method: 'POST', ...common },
      summary: 'Set up an identity provider',
      description:
        'An OpenID provider. Register `redirect_uri` of the answer there, set the client id and secret, test the connection, and make it active.',
      ...{ body: wire.NewConnectionBody, status: 201, answer: wire.ConnectionBody },
      example: {
        ...{ name: 'Clinic sign-in', issuer: 'https://idp.clinic.example', client_id: 'latchkey' },
        mapping: { default_roles: [{ service: 'clinic', role: 'patients:read' }] },
      },
      errors: [...givingErrors, 'organization_not_found', 'connection_refused'],
      handle: async ({ principal, organizationId, body }) => {
        const giver = await giverOf(deps.records, principal)
        const { client_id: clientId, client_secret: clientSecret, email_trust: emailTrust, ...rest } = body
        const { client_authentication: clientAuthentication, name, issuer, scopes, domains } = rest
        const wanted = {
          ...{ name, issuer, clientId, clientSecret, clientAuthentication, scopes, domains, emailTrust },
          signOut: rest.sign_out,
          mapping: readMapping(rest.mapping),
        }
        const made = await createConnection(deps, actorOf(principal), giver, organizationId, wanted)
        return { ...answer(made), location: `/organizations/${organizationId}/connections/${made.id}` }
      },
    }),
  ]
}

function readMapping({
  default_roles: defaultRoles,
  ...rest
}: z.output<typeof wire.NewConnectionBody>['mapping']) {
  return { ...rest, defaultRoles }
}

function one(deps: Deps): readonly Route[] {
  const answer = answerWith(deps)
  return [
    route({
      ...{ operationId: 'getConnection', method: 'GET', path: onePath, tag, params },
      ...{ summary: 'Read a connection', status: 200, answer: wire.ConnectionBody },
      errors: ['connection_not_found'],
      handle: async ({ organizationId, params }) =>
        answer(await getConnection(deps.records, organizationId, connectionIn(params))),
    }),
    route({
      ...{ operationId: 'changeConnection', method: 'PATCH', path: onePath, tag, params },
      summary: 'Change a connection',
      description:
        'Another client, scope or trust has to be tested again before the connection is made active; an active one stays so.',
      ...{ body: wire.ConnectionChangeBody, status: 200, answer: wire.ConnectionBody },
      example: { client_id: 'latchkey', client_secret: 'as the identity provider gave it' },
      errors: [...changeErrors, ...givingErrors],
      handle: async ({ principal, organizationId, params, body, ifMatch }) => {
        const giver = await giverOf(deps.records, principal)
        const { client_id: clientId, client_secret: clientSecret, email_trust: emailTrust, ...rest } = body
        const { client_authentication: clientAuthentication, name, scopes, domains, mapping } = rest
        const change = {
          ...{ name, clientId, clientSecret, clientAuthentication, scopes, domains, emailTrust, ifMatch },
          signOut: rest.sign_out,
          mapping: mapping && readMapping(mapping),
        }
        const by = actorOf(principal)
        return answer(await changeConnection(deps, by, giver, organizationId, connectionIn(params), change))
      },
    }),
    route({
      ...{ operationId: 'deleteConnection', method: 'DELETE', path: onePath, tag, params },
      summary: 'Delete a connection',
      description: 'Its people stay, with what it gave them.',
      ...{ status: 204, errors: changeErrors },
      handle: async ({ principal, organizationId, params, ifMatch }) => {
        await deleteConnection(deps, actorOf(principal), organizationId, connectionIn(params), { ifMatch })
        return { body: undefined }
      },
    }),
  ]
}

function states(deps: Deps): readonly Route[] {
  const answer = answerWith(deps)
  return [
    route({
      ...{ operationId: 'activateConnection', method: 'POST', path: `${onePath}/activate`, tag, params },
      summary: 'Let people sign in through a connection',
      description:
        "It has to be tested as it is. People of the organization's verified domains are sent to it.",
      ...{ body: wire.ActivationBody, status: 200, answer: wire.ConnectionBody },
      example: { enforcement: 'required' },
      errors: [
        ...changeErrors,
        'invalid_request',
        'connection_state',
        'role_not_grantable',
        'tag_not_grantable',
      ],
      handle: async ({ principal, organizationId, params, body, ifMatch }) => {
        const giver = await giverOf(deps.records, principal)
        const wanted = { ...body, ifMatch }
        const by = actorOf(principal)
        return answer(await activateConnection(deps, by, giver, organizationId, connectionIn(params), wanted))
      },
    }),
    route({
      ...{ operationId: 'disableConnection', method: 'POST', path: `${onePath}/disable`, tag, params },
      summary: 'Stop signing in through a connection',
      description: 'Who is signed in stays so.',
      ...{ status: 200, answer: wire.ConnectionBody, errors: changeErrors },
      handle: async ({ principal, organizationId, params, ifMatch }) => {
        const by = actorOf(principal)
        return answer(await disableConnection(deps, by, organizationId, connectionIn(params), { ifMatch }))
      },
    }),
  ]
}

function tests(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'testConnection', method: 'POST', path: `${onePath}/test`, tag, params },
      summary: 'Begin a test of a connection',
      description: 'Open the address of the answer, sign in at the provider, and read the result here.',
      ...{ status: 200, answer: wire.TestBegunBody },
      errors: ['connection_not_found', 'connection_state', 'connection_refused', 'conflict'],
      handle: async ({ principal, organizationId, params }) => {
        const by = actorOf(principal)
        const { url, endsAt } = await beginConnectionTest(deps, by, organizationId, connectionIn(params))
        return { body: { url, ends_at: rfc3339(endsAt) } }
      },
    }),
    route({
      ...{ operationId: 'getConnectionTest', method: 'GET', path: `${onePath}/test`, tag, params },
      summary: 'Read how the last test of a connection went',
      ...{ status: 200, answer: wire.TestBody, errors: ['connection_not_found', 'not_found'] },
      handle: async ({ organizationId, params }) => {
        const { id } = await getConnection(deps.records, organizationId, connectionIn(params))
        const test = await deps.records.find(organizationId, connectionTests, id)
        if (test === undefined) throw new DomainError('not_found', 'the connection was not tested yet')
        return { body: wire.presentTest(test, deps.clock()) }
      },
    }),
  ]
}
