import { actorOf } from '../audit/actor.ts'
import type { Commit } from '../audit/record.ts'
import { managementAuthentication } from '../decisions/api/management-authentication.ts'
import { limitsFrom } from '../http/limits.ts'
import type { Route } from '../http/route.ts'
import { apiRouter } from '../http/router.ts'
import type { OnForeignAccess } from '../http/run-route.ts'
import { storedIdempotencyKeys } from '../http/stored-idempotency.ts'
import type { Guard } from '../sdk/guard.ts'
import type { Parts } from './parts.ts'
import { apiQuotas } from './quotas.ts'

/** The API under `/api/v1`, behind its own guard. */
export function managementApi(parts: Parts, guard: Guard, routes: readonly Route[]) {
  const { config, machine, store, cached, commit } = parts
  const { clock, log, random } = machine
  return apiRouter({
    ...{ routes, log },
    authenticate: managementAuthentication(guard),
    limits: limitsFrom(apiQuotas(config)),
    idempotency: storedIdempotencyKeys({ records: store.records, commit: cached.commit, clock, random }),
    onForeignAccess: lookRecorder(commit),
  })
}

/** A look of the operator's into a customer's organization is told in that organization's own audit trail. */
function lookRecorder(commit: Commit): OnForeignAccess {
  return (principal, organizationId, operationId) =>
    commit(
      {
        type: 'organization.looked_into',
        organizationId,
        target: organizationId,
        by: actorOf(principal),
        details: { operation: operationId },
      },
      [],
    )
}
