import { z } from 'zod'
import { actorOf } from '../audit/actor.ts'
import { DomainError } from '../errors.ts'
import { pageOf, pagingQuery, readPage } from '../http/paging.ts'
import { type Route, route } from '../http/route.ts'
import { parseId, type UserId } from '../ids.ts'
import { giverOf } from '../services/giver.ts'
import { changeUser } from './change-user.ts'
import { deleteUser } from './delete-user.ts'
import { disableUser } from './disable-user.ts'
import { enableUser } from './enable-user.ts'
import { inviteUser } from './invite-user.ts'
import { listUsers } from './list-users.ts'
import { resendInvitation, sendReset } from './send-link.ts'
import { getUser, type User } from './user.ts'
import * as wire from './wire.ts'

type Deps = Parameters<typeof inviteUser>[0] & Parameters<typeof deleteUser>[0]

const tag = 'Users'
const collectionPath = '/organizations/{organization}/users'
const onePath = `${collectionPath}/{user}`
const organizationParam = { organization: "the organization's id" }
const params = { ...organizationParam, user: "the user's id" }
const givingErrors = [
  ...(['invalid_request', 'service_not_found', 'role_not_found'] as const),
  ...(['role_not_grantable', 'tag_not_grantable'] as const),
] as const
const changeErrors = ['invalid_request', 'user_not_found', 'precondition_failed', 'conflict'] as const

function userIn(params: Readonly<Record<string, string>>): UserId {
  const id = parseId('usr', params['user'] ?? '')
  if (id === undefined) throw new DomainError('user_not_found', 'no such user')
  return id
}

function answer(user: User) {
  return { body: wire.present(user), version: user.version }
}

export function userRoutes(deps: Deps): readonly Route[] {
  return [...collection(deps), ...one(deps), ...states(deps), ...links(deps)]
}

function collection(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'listUsers', method: 'GET', path: collectionPath, tag, params: organizationParam },
      summary: "List the organization's people",
      query: z.object({
        ...pagingQuery,
        email: wire.emailAddress.optional().describe('Only who has this address.'),
      }),
      ...{ status: 200, answer: pageOf(wire.UserBody) },
      errors: ['invalid_request', 'organization_not_found'],
      handle: async ({ organizationId, query }) => {
        const { items, nextCursor } = await readPage(query, (page) =>
          listUsers(deps.records, organizationId, query.email, page),
        )
        return { body: { items: items.map(wire.present), next_cursor: nextCursor } }
      },
    }),
    route({
      ...{ operationId: 'inviteUser', method: 'POST', path: collectionPath, tag, params: organizationParam },
      summary: 'Invite a person',
      description:
        'Nobody gives what is outside of the entitlement, nor, without the operation that grants roles, what they do not hold.',
      ...{ body: wire.InvitationBody, status: 201, answer: wire.UserBody },
      example: {
        ...{ email: 'sam@harbour.example', name: 'Sam Okafor' },
        ...{ roles: [{ service: 'clinic', role: 'patients:read' }], tags: { ward: ['north'] } },
      },
      errors: ['organization_not_found', 'already_exists', ...givingErrors],
      handle: async ({ principal, organizationId, body }) => {
        const giver = await giverOf(deps.records, principal)
        const user = await inviteUser(deps, actorOf(principal), giver, organizationId, body)
        return { ...answer(user), location: `/organizations/${organizationId}/users/${user.id}` }
      },
    }),
  ]
}

function one(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'getUser', method: 'GET', path: onePath, tag, params },
      summary: 'Read a user',
      ...{ status: 200, answer: wire.UserBody, errors: ['user_not_found'] },
      handle: async ({ organizationId, params }) =>
        answer(await getUser(deps.records, organizationId, userIn(params))),
    }),
    route({
      ...{ operationId: 'changeUser', method: 'PATCH', path: onePath, tag, params },
      summary: 'Change the name, roles or tags of a user',
      description: 'A change of roles or tags ends the tokens that the user has.',
      ...{ body: wire.UserChangeBody, status: 200, answer: wire.UserBody },
      example: { roles: [{ service: 'clinic', role: 'patients:read' }] },
      errors: ['user_not_found', 'precondition_failed', 'conflict', ...givingErrors],
      handle: async ({ principal, organizationId, params, body, ifMatch }) => {
        const giver = await giverOf(deps.records, principal)
        const change = { ...body, ifMatch }
        return answer(
          await changeUser(deps, actorOf(principal), giver, organizationId, userIn(params), change),
        )
      },
    }),
    route({
      ...{ operationId: 'deleteUser', method: 'DELETE', path: onePath, tag, params },
      summary: 'Delete a user, with sessions and tokens at once',
      ...{ status: 204, errors: changeErrors },
      handle: async ({ principal, organizationId, params, ifMatch }) => {
        await deleteUser(deps, actorOf(principal), organizationId, userIn(params), { ifMatch })
        return { body: undefined }
      },
    }),
  ]
}

function states(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'disableUser', method: 'POST', path: `${onePath}/disable`, tag, params },
      summary: 'Stop a user, with sessions and tokens at once, until it is enabled',
      ...{ status: 200, answer: wire.UserBody, errors: changeErrors },
      handle: async ({ principal, organizationId, params, ifMatch }) =>
        answer(await disableUser(deps, actorOf(principal), organizationId, userIn(params), { ifMatch })),
    }),
    route({
      ...{ operationId: 'enableUser', method: 'POST', path: `${onePath}/enable`, tag, params },
      summary: 'Let a disabled user sign in again',
      ...{ status: 200, answer: wire.UserBody },
      errors: [...changeErrors, 'role_not_grantable', 'tag_not_grantable'],
      handle: async ({ principal, organizationId, params, ifMatch }) => {
        const giver = await giverOf(deps.records, principal)
        const by = actorOf(principal)
        return answer(await enableUser(deps, by, giver, organizationId, userIn(params), { ifMatch }))
      },
    }),
  ]
}

function links(deps: Deps): readonly Route[] {
  const sending = {
    ...({ method: 'POST', tag, params, body: wire.LinkBody, status: 202, answer: wire.UserBody } as const),
    errors: [...changeErrors, 'user_state', 'service_not_found'] as const,
    example: { service: 'clinic' },
  }
  return [
    route({
      ...{ operationId: 'resendInvitation', path: `${onePath}/invitation`, ...sending },
      summary: 'Mail the invitation again',
      description: 'The link that was mailed before ends. The new one can be used once, within 24 hours.',
      handle: async ({ principal, organizationId, params, body, ifMatch }) => {
        const how = { service: body.service, ifMatch }
        return answer(await resendInvitation(deps, actorOf(principal), organizationId, userIn(params), how))
      },
    }),
    route({
      ...{ operationId: 'sendPasswordReset', path: `${onePath}/password-reset`, ...sending },
      summary: 'Mail a link for a new password',
      description:
        'To the user alone. It can be used once, within an hour; the old password works until then.',
      handle: async ({ principal, organizationId, params, body, ifMatch }) => {
        const how = { service: body.service, ifMatch }
        return answer(await sendReset(deps, actorOf(principal), organizationId, userIn(params), how))
      },
    }),
  ]
}
