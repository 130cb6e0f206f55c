import type { Route } from '../http/route.ts'
import { documentRoutes } from './api/documents.ts'
import { entitlementRoutes } from './api/entitlements.ts'
import { singleServiceRoutes } from './api/services.ts'
import { signInRoutes } from './api/sign-in.ts'

type Deps = Parameters<typeof singleServiceRoutes>[0] &
  Parameters<typeof documentRoutes>[0] &
  Parameters<typeof entitlementRoutes>[0]

/** Everything of services under `/api/v1`. */
export function serviceRoutes(deps: Deps): readonly Route[] {
  return [
    ...singleServiceRoutes(deps),
    ...documentRoutes(deps),
    ...entitlementRoutes(deps),
    ...signInRoutes(deps),
  ]
}
