import type Koa from 'koa'
import type { ServiceId } from '../ids.ts'
import type { Secrets } from '../secrets/secrets.ts'

/** Under these a service's cookies are signed, newest first: what an older deployment secret signed is still good. */
export function cookieKeys(secrets: Secrets, serviceId: ServiceId): readonly string[] {
  return secrets.digests('cookies', serviceId)
}

/**
 * A prefix that only this very host over TLS can set (RFC 6265bis §4.1.3), so that nobody plants a session. Without TLS,
 * which is loopback while developing, browsers would refuse such names.
 */
export function cookieNames(origin: string, slug: string) {
  const secure = origin.startsWith('https:') ? '__Secure-' : ''
  return {
    session: hostCookie(origin, `latchkey_session_${slug}`),
    // Kept to the paths of one sign-in each, which `__Host-` does not allow.
    interaction: `${secure}latchkey_interaction_${slug}`,
    resume: `${secure}latchkey_resume_${slug}`,
  }
}

/** The name of a cookie that only this host can set, and gets at each of its paths. */
export function hostCookie(origin: string, name: string): string {
  return origin.startsWith('https:') ? `__Host-${name}` : name
}

/** The scheme is the configured origin's, whatever the connection or a header says: behind a proxy it is plain HTTP. */
export function trustOrigin(app: Koa, origin: string): void {
  const protocol = new URL(origin).protocol.slice(0, -1)
  Object.defineProperty(app.request, 'protocol', { get: () => protocol })
}
