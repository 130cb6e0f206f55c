import type { ClientKey } from '../client-keys/client-key.ts'
import type { EpochMs } from '../clock.ts'
import type { Tags } from '../evaluator/model.ts'
import type { Service } from '../services/service.ts'
import type { Assuming, Authenticated, Exchange } from './exchange.ts'
import { type Person, rolesOn } from './people.ts'

/** The claims of a machine's token beyond those of RFC 9068 §2.2, which the library sets. */
export function machineClaims({ key, organization }: Authenticated): Record<string, unknown> {
  const claims: Record<string, unknown> = {
    org_id: organization.id,
    roles: [key.role],
    ver: { [key.id]: key.authority, [organization.id]: organization.authority },
    env: key.environment,
  }
  if (hasAny(key.tags)) claims['tags'] = key.tags
  if (key.cidrs.length > 0) claims['cidrs'] = key.cidrs
  if (key.guardsServiceId !== undefined) claims['guards'] = key.guardsServiceId
  return claims
}

function hasAny(tags: Tags | undefined): boolean {
  return tags !== undefined && Object.keys(tags).length > 0
}

/** How the person signed in, as the code or refresh token that buys an access token keeps it. */
interface SignedIn {
  readonly grantId?: string | undefined
  readonly authTime?: number | undefined
  readonly acr?: string | undefined
  readonly amr?: readonly string[] | undefined
}

/**
 * The claims of a token that an app gets for a person (RFC 9068 §2.2). The app's own role is not among them: it
 * plays no part in what is allowed.
 * @param exchange says which app: an organization's key, or one that registered itself
 */
export function personClaims(
  service: Service,
  person: Person,
  { authenticated: app, app: registered }: Pick<Exchange, 'authenticated' | 'app'>,
  { grantId, authTime, acr, amr }: SignedIn,
): Record<string, unknown> {
  const { user, organization } = person
  return {
    org_id: organization.id,
    roles: rolesOn(service, person),
    ver: {
      [user.id]: user.authority,
      [organization.id]: organization.authority,
      ...(app && { [app.key.id]: app.key.authority, [app.organization.id]: app.organization.authority }),
      ...(registered && { [registered.id]: registered.authority }),
    },
    ...(hasAny(user.tags) && { tags: user.tags }),
    env: app?.key.environment ?? 'live',
    ...(grantId !== undefined && { grant_id: grantId }),
    ...(authTime !== undefined && { auth_time: authTime }),
    ...(acr !== undefined && { acr }),
    ...(amr !== undefined && { amr }),
  }
}

/**
 * The claims of a token by which somebody acts in a role of another organization (RFC 8693 §4.1). Role and tags are the
 * assumption's alone; `ver` names all whose change ends it.
 */
export function assumedClaims({ assumption, organization, role, by }: Assuming): Record<string, unknown> {
  const { key, organization: own, person, subject } = by
  return {
    ...{ org_id: organization.id, roles: [assumption.role] },
    ...(hasAny(assumption.tags) && { tags: assumption.tags }),
    ver: {
      [assumption.id]: assumption.authority,
      [organization.id]: organization.authority,
      [own.id]: own.authority,
      [key.id]: key.authority,
      ...(person && { [person.user.id]: person.user.authority }),
      ...(role && { [role.id]: role.version }),
    },
    ...{ act: { sub: subject.id, org_id: own.id }, assumption: assumption.id, env: key.environment },
    ...(key.cidrs.length > 0 && { cidrs: key.cidrs }),
    ...subject.signedIn,
  }
}

/** A token's life: the service's, and never past the key's own end. Whole seconds, less than 1 if the key is at its end. */
export function tokenTtlSeconds(service: Service, key: ClientKey, nowMs: EpochMs): number {
  if (key.expiresAt === undefined) return service.accessTokenTtlSeconds
  // `iat` is rounded down, so the rest of the key's life is too: `exp` is never after it.
  return Math.min(service.accessTokenTtlSeconds, Math.floor((key.expiresAt - nowMs) / 1000))
}
