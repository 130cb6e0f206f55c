import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import type { NewId, OrganizationId, RevocationId, RoleId, ServiceId } from '../ids.ts'
import { type Collection, type Insert, insert, type Stored } from '../storage/ports.ts'

/** What ends: tokens below an authority, one token, all of a grant, of a role, or of a signing key. */
export type Ended =
  | { readonly kind: 'authority'; readonly of: string; readonly lowest: number }
  | { readonly kind: 'jti'; readonly jti: string; readonly clientId: string }
  | { readonly kind: 'grant'; readonly grantId: string }
  | { readonly kind: 'role'; readonly roleId: RoleId }
  | { readonly kind: 'signing_key'; readonly kid: string }

/** An entry that ends tokens before their time; may be forgotten when the last token it can match has expired. */
export interface Revocation extends Stored {
  readonly id: RevocationId
  /** The one service whose tokens it can match; absent: any service's. */
  readonly serviceId?: ServiceId
  readonly ended: Ended
  readonly forgetAt: EpochMs
}

/** The clocks of guards may be so far behind. */
const clocksApartMs = 60_000

/** No access token of any service lives longer. */
export const accessTokenTtlSecondsMax = 86_400

export const revocations: Collection<Revocation> = {
  name: 'revocations',
  appendOnly: true,
  schema: z.custom<Revocation>((value) => typeof value === 'object' && value !== null),
  indexes: { all: { keys: () => [''], deploymentWide: true } },
}

interface RevocationOptions {
  readonly organizationId: OrganizationId
  readonly serviceId?: ServiceId
  readonly ended: Ended
  /** When the last token that it can match has expired, if that is known; else as if one had been issued just now. */
  readonly expiresAt?: EpochMs
}

/** The change that enters a revocation: goes into the same commit as what ended the tokens. */
export function revoke(newId: NewId, nowMs: EpochMs, { expiresAt, ...options }: RevocationOptions): Insert {
  const forgetAt = (expiresAt ?? nowMs + accessTokenTtlSecondsMax * 1000) + clocksApartMs
  return insert(revocations, { id: newId('rev'), version: 1, forgetAt, ...options })
}
