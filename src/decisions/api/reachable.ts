import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { DomainError } from '../../errors.ts'
import { type Route, route } from '../../http/route.ts'
import { parseId } from '../../ids.ts'
import type { Records } from '../../storage/ports.ts'
import { listReachableOfKey, listReachableOfUser } from '../list-reachable.ts'
import type { ReachablePage } from '../reachable-resources.ts'
import { presentReachable, ReachableBodies, reachableDescription, reachableQuery } from './reachable-wire.ts'

interface Deps {
  readonly records: Records
  readonly clock: Clock
}

const organizationParam = { organization: "the organization's id" }
const common = {
  method: 'GET',
  tag: 'Resources',
  status: 200,
  description: reachableDescription,
  answer: ReachableBodies,
} as const

/** What an organization's keys and people may reach, as it asks itself. */
export function reachableRoutes(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ ...common, operationId: 'listReachableOfKey' },
      path: '/organizations/{organization}/keys/{key}/reachable-resources',
      params: { ...organizationParam, key: "the key's id" },
      summary: 'List the resources that a key may reach',
      query: z.object(reachableQuery),
      errors: ['invalid_request', 'client_key_not_found'],
      handle: async ({ organizationId, params, query }) => {
        const id = parseId('key', params['key'] ?? '')
        if (id === undefined) throw new DomainError('client_key_not_found', 'no such key')
        return answered(await listReachableOfKey(deps, organizationId, id, query))
      },
    }),
    route({
      ...{ ...common, operationId: 'listReachableOfUser' },
      path: '/organizations/{organization}/users/{user}/reachable-resources',
      params: { ...organizationParam, user: "the user's id" },
      summary: 'List the resources of a service that a user may reach',
      query: z.object({
        ...reachableQuery,
        service: z.string().max(40).optional().describe('Its id or slug; cannot be left out.'),
      }),
      errors: ['invalid_request', 'user_not_found', 'service_not_found'],
      handle: async ({ organizationId, params, query }) => {
        const id = parseId('usr', params['user'] ?? '')
        if (id === undefined) throw new DomainError('user_not_found', 'no such user')
        return answered(await listReachableOfUser(deps, organizationId, id, query))
      },
    }),
  ]
}

function answered(page: ReachablePage) {
  return { body: presentReachable(page, 'own_alone') }
}
