import type { Actor, Commit } from '../audit/record.ts'
import type { App } from './app.ts'

interface Asking {
  readonly app: App
  /** What the app wanted to be allowed. */
  readonly scopes: readonly string[]
  readonly serviceId: string
}

/** Tells the administrators, in the organization's audit trail, that a person wants to use an app that they must approve. */
export async function askForApp(
  { commit }: { readonly commit: Commit },
  by: Actor,
  { app, scopes, serviceId }: Asking,
): Promise<void> {
  const { organizationId } = by
  const details = {
    ...{ app: app.name, client_id: app.clientId, verified: app.organization !== undefined },
    ...{ user_id: by.id, service_id: serviceId, scopes },
  }
  await commit({ type: 'app.requested', organizationId, target: app.clientId, by, details }, [])
}
