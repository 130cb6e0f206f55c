import { z } from 'zod'
import { actorOf } from '../../audit/actor.ts'
import type { Commit } from '../../audit/record.ts'
import { type Route, route } from '../../http/route.ts'
import { giverOf } from '../../services/giver.ts'
import type { Service } from '../../services/service.ts'
import type { Records } from '../../storage/ports.ts'
import { ownService, setAuthzenRules } from '../authzen/set-rules.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

const fields = {
  user_domain: z
    .string()
    .max(253)
    .nullable()
    .describe('An id of a `user` without `@` is the address there: `alice` is `alice@` of it.'),
  unknown_users_role: z
    .string()
    .max(200)
    .nullable()
    .describe(
      'The role, in the organization that owns the service, of a `user` who has none at the service, with the properties ' +
        'that are sent as tags. `null`: they are refused.',
    ),
}
const answer = z.strictObject(fields)
const at = {
  path: '/organizations/{organization}/services/{service}/authzen',
  tag: 'AuthZEN',
  params: { organization: "the owner's id", service: 'the id or the slug of the service' },
} as const

/** What the owner of a service says of the users that its AuthZEN API is asked about. */
export function authzenRulesRoutes(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'getAuthzenRules', method: 'GET', ...at, status: 200, answer },
      summary: 'Who users are that the AuthZEN API of a service is asked about',
      errors: ['service_not_found'],
      handle: async ({ organizationId, params }) => {
        const service = await ownService(deps.records, organizationId, params['service'] ?? '')
        return { body: present(service), version: service.version }
      },
    }),
    route({
      ...{ operationId: 'setAuthzenRules', method: 'PUT', ...at, status: 200, answer },
      summary: 'Say who users are that the AuthZEN API of a service is asked about',
      body: z.strictObject(fields),
      example: { user_domain: 'willow-lane.example', unknown_users_role: null },
      errors: [
        ...(['service_not_found', 'service_protected', 'role_not_found', 'role_not_grantable'] as const),
        ...(['organization_not_found', 'precondition_failed', 'conflict'] as const),
      ],
      handle: async ({ principal, organizationId, params, body, ifMatch }) => {
        const { user_domain: userDomain, unknown_users_role: unknownUsersRole } = body
        const giver = await giverOf(deps.records, principal)
        const wanted = { userDomain, unknownUsersRole, ifMatch }
        const idOrSlug = params['service'] ?? ''
        const set = await setAuthzenRules(deps, actorOf(principal), giver, organizationId, idOrSlug, wanted)
        return { body: present(set), version: set.version }
      },
    }),
  ]
}

function present({ authzen = {} }: Service): z.input<typeof answer> {
  return {
    user_domain: authzen.userDomain ?? null,
    unknown_users_role: authzen.unknownUsersRole ?? null,
  }
}
