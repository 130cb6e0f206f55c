import { createHash } from 'node:crypto'
import { type Clock, rfc3339 } from '../clock.ts'
import type { LiveRevocations } from '../revocations/live.ts'
import type { Revocation } from '../revocations/revocation.ts'
import type { Bundle, WireRevocation } from '../sdk/bundle.ts'
import type { ServiceBundle } from '../sdk/compiled-bundle.ts'
import { wireModel } from '../sdk/filtered-wire.ts'
import type { Service } from '../services/service.ts'

interface Deps {
  readonly revocations: LiveRevocations
  readonly clock: Clock
  readonly origin: string
}

/** What a guard of the service needs, with the tag that changes when any of it but position and time does. */
export function bundleOf(deps: Deps, service: Service): { readonly bundle: Bundle; readonly etag: string } {
  // The position first: what is read after it is at least as new.
  const position = deps.revocations.position()
  const bundle: Bundle = {
    position,
    server_time: rfc3339(deps.clock()),
    ...serviceBundleOf(service, deps.origin),
    model: wireModel(service.model),
    revocations: deps.revocations.of(service.id).map(wireRevocation),
  }
  const tag = createHash('sha256')
    .update(
      `${service.id}/${service.version}/${bundle.revocations.map((entry) => JSON.stringify(entry)).join()}`,
    )
    .digest('base64url')
  return { bundle, etag: `"${tag.slice(0, 27)}"` }
}

/** The part of a bundle that changes only with the service itself. */
export function serviceBundleOf(service: Service, origin: string): ServiceBundle {
  return {
    service: {
      id: service.id,
      slug: service.slug,
      issuer: `${origin}/${service.slug}`,
      audience: service.audience,
      access_token_ttl_seconds: service.accessTokenTtlSeconds,
    },
    model: service.model,
    signing_keys: { keys: service.signingKeys.map((key) => key.publicJwk) },
  }
}

/** An entry as guards read it. */
export function wireRevocation({ ended, forgetAt }: Revocation): WireRevocation {
  const forget_at = rfc3339(forgetAt)
  switch (ended.kind) {
    case 'authority':
      return { kind: 'authority', of: ended.of, lowest: ended.lowest, forget_at }
    case 'jti':
      return { kind: 'jti', jti: ended.jti, forget_at }
    case 'grant':
      return { kind: 'grant', grant_id: ended.grantId, forget_at }
    case 'role':
      return { kind: 'role', role_id: ended.roleId, forget_at }
    case 'signing_key':
      return { kind: 'signing_key', kid: ended.kid, forget_at }
    default:
      throw new Error(`unknown revocation: ${ended satisfies never}`)
  }
}
