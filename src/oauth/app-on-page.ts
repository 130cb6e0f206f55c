import type { Client, KoaContextWithOIDC } from 'oidc-provider'
import type { App } from '../consents/app.ts'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'
import { findApp } from './apps.ts'
import type { AppOnPage } from './page.ts'

/** @param redirectUri where the answer goes; none for a device, which asks for it */
export function appOnPage(app: App, redirectUri: string | undefined): AppOnPage {
  return {
    name: app.name,
    organization: app.organization?.name,
    // An organization answers for its own keys; anything else has only said itself who it is.
    verified: app.organization !== undefined,
    redirectHost: redirectUri === undefined ? 'your device' : hostIn(redirectUri),
  }
}

/** An app's own scheme has no host; it is named after a domain (RFC 8252 §7.1). */
function hostIn(redirectUri: string): string {
  const { host, protocol } = new URL(redirectUri)
  return host === '' ? protocol.slice(0, -1) : host
}

/** The app that a client of the library is, by what we know of it. */
export async function appOfLibrary(
  { records }: { readonly records: Records },
  service: Service,
  ctx: KoaContextWithOIDC,
  client: Client,
): Promise<AppOnPage> {
  const app = await findApp(records, service, ctx.oidc.provider, client.clientId)
  // It was found a moment ago; gone meanwhile, nobody answers for it.
  return app === undefined
    ? { name: client.clientId, verified: false, redirectHost: 'your device' }
    : appOnPage(app, undefined)
}
