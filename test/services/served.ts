import type { Authenticate } from '../../src/http/authenticate.ts'
import { routeFinder } from '../../src/http/find-route.ts'
import type { OrganizationId } from '../../src/ids.ts'
import { serviceRoutes } from '../../src/services/api.ts'
import { serveApi } from '../http/serving.ts'
import { deployment } from './deployment.ts'

/** The routes of services on a store in memory, behind a server of their own. */
export async function served() {
  const d = await deployment()
  const routes = serviceRoutes({ ...d.deps, serviceContents: [] })
  const { call } = await serveApi(routes, { authenticate: anyoneOf(routes, d.operatorId, d.by.id) })
  const put = (method: string, path: string, document: Uint8Array, headers = {}) =>
    call(path, {
      method,
      body: Buffer.from(document),
      headers: { 'Content-Type': 'application/json', ...headers },
    })
  return { ...d, routes, call, put }
}

/** Everything is allowed: who may what is the guard's, and tested there. */
function anyoneOf(
  routes: Parameters<typeof routeFinder>[0],
  organizationId: OrganizationId,
  id: string,
): Authenticate {
  const find = routeFinder(routes)
  return async ({ method, path, address, requestId }) => {
    const { route } = find(method, path)
    if (route === undefined) return { kind: 'denied', reason: 'unknown_operation' }
    const principal = { kind: 'key', id, organizationId, requestId, address, holds: () => true } as const
    return { kind: 'allowed', operationId: route.operationId, principal }
  }
}
