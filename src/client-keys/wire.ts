import { z } from 'zod'
import { type EpochMs, rfc3339 } from '../clock.ts'
import { parseAddressBlock } from '../evaluator/address-blocks.ts'
import { displayName } from '../organizations/display-name.ts'
import { presentTags, principalTags, TagsBody } from '../services/principal-tags.ts'
import type { AddressesChange } from './change-addresses.ts'
import { type ClientKey, isExpired, liveSecrets, revocationReasons } from './client-key.ts'
import type { Issued } from './create-client-key.ts'
import { jwksKeysMax } from './jwks.ts'
import { applicationTypes, redirectUrisMax } from './redirect-uris.ts'
import { graceSecondsDefault, graceSecondsMax } from './rotation.ts'

const cidr = z
  .string()
  .max(50)
  .refine(
    (text) => parseAddressBlock(text) !== undefined,
    'is not an address block such as 192.0.2.0/24 or 2001:db8::/32, with no bits set after the prefix',
  )
const cidrs = z.array(cidr).max(50).describe('From where alone it may be used. Empty: anywhere.')
const expiresAt = z.iso
  .datetime({ offset: true })
  .transform((text): EpochMs => Date.parse(text))
  .describe('RFC 3339, in the future.')
const role = z.string().min(1).max(100).describe("A service-defined role's name, or the id of an own role.")
const named = z.string().min(3).max(40).describe('Its id or slug.')

const addresses = {
  application_type: z
    .enum(applicationTypes)
    .optional()
    .describe('native: on the person’s own machine (RFC 8252). Default: web.'),
  redirect_uris: z
    .array(z.string())
    .max(redirectUrisMax)
    .optional()
    .describe('Where people come back to with a code. With any, the key may act for people who consent.'),
  post_logout_redirect_uris: z.array(z.string()).max(redirectUrisMax).optional(),
  backchannel_logout_uri: z.string().nullable().optional().describe('Told of a person’s sign-out.'),
}

export function addressesIn(body: z.output<z.ZodObject<typeof addresses>>): AddressesChange {
  return {
    applicationType: body.application_type,
    redirectUris: body.redirect_uris,
    postLogoutRedirectUris: body.post_logout_redirect_uris,
    backchannelLogoutUri: body.backchannel_logout_uri,
  }
}

export const NewClientKeyBody = z.strictObject({
  service: named,
  name: displayName,
  role,
  environment: z.enum(['live', 'test']).default('live'),
  expires_at: expiresAt.nullable().optional(),
  cidrs: cidrs.default([]),
  tags: principalTags.default({}),
  jwks: z
    .strictObject({ keys: z.array(z.record(z.string(), z.unknown())).min(1).max(jwksKeysMax) })
    .optional()
    .describe('Public keys (RFC 7517): then it authenticates with private_key_jwt and has no secret.'),
  guards_service: named.optional().describe('For the role guard alone: the service that it guards.'),
  public: z
    .literal(true)
    .optional()
    .describe('A public client (RFC 6749 §2.1): no secret, always PKCE, and it only acts for people.'),
  ...addresses,
})

export const ClientKeyChangeBody = z.strictObject({
  name: displayName.optional(),
  expires_at: expiresAt.nullable().optional(),
  cidrs: cidrs.optional(),
  tags: principalTags.optional().describe('All of them: those left out are taken.'),
  ...addresses,
})

export const RotateBody = z.strictObject({
  grace_seconds: z
    .int()
    .min(0)
    .max(graceSecondsMax)
    .default(graceSecondsDefault)
    .describe('How long the old secret lives on. 0: it ends now, and its tokens too.'),
})
export const RetireBody = z.strictObject({
  secret_id: z.string().regex(/^sec_[0-9a-z]{26}$/, 'is not the id of a secret'),
})
export const RevokeBody = z.strictObject({
  reason: z.enum(revocationReasons).exclude(['role_deleted']).default('unspecified'),
})
export const RoleChangeBody = z.strictObject({ role, guards_service: named.optional() })

const nullableText = z.string().nullable()

export const ClientKeyBody = z.object({
  id: z.string(),
  organization_id: z.string(),
  service_id: z.string(),
  guards_service_id: nullableText,
  name: z.string(),
  role: z.string(),
  environment: z.enum(['live', 'test']),
  state: z.enum(['active', 'disabled', 'revoked', 'expired']),
  disabled_at: nullableText,
  revoked_at: nullableText,
  revocation_reason: z.enum(revocationReasons).nullable(),
  authentication: z.enum(['client_secret', 'private_key_jwt', 'none']),
  secrets: z
    .array(
      z.object({
        ...{ id: z.string(), prefix: z.string(), last_four: z.string() },
        ...{ created_at: z.string(), ends_at: nullableText },
      }),
    )
    .describe('Those that work now. The text of a secret is shown once, when it is made.'),
  jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }).nullable(),
  expires_at: nullableText,
  cidrs: z.array(z.string()),
  tags: TagsBody,
  application_type: z.enum(applicationTypes),
  redirect_uris: z.array(z.string()),
  post_logout_redirect_uris: z.array(z.string()),
  backchannel_logout_uri: nullableText,
  created_by: z.string(),
  created_at: z.string(),
  last_used_at: nullableText,
})

export const IssuedBody = ClientKeyBody.extend({
  client_id: z.string(),
  client_secret: nullableText.describe(
    'Shown this once. null where the key authenticates with private_key_jwt, or not at all.',
  ),
  token_endpoint: z.string().describe('Where the key is exchanged for a token (RFC 6749 §4.4).'),
})

function time(at: EpochMs | undefined): string | null {
  return at === undefined ? null : rfc3339(at)
}

/** @param lastUsedAt from the counters, which run a little behind */
export function present(
  key: ClientKey,
  nowMs: EpochMs,
  lastUsedAt: EpochMs | undefined,
): z.input<typeof ClientKeyBody> {
  const { state, authentication } = key
  const revoked = state.kind === 'revoked' ? state : undefined
  return {
    id: key.id,
    organization_id: key.organizationId,
    service_id: key.serviceId,
    guards_service_id: key.guardsServiceId ?? null,
    name: key.name,
    role: key.role,
    environment: key.environment,
    state: state.kind === 'active' && isExpired(key, nowMs) ? 'expired' : state.kind,
    disabled_at: time(state.kind === 'disabled' ? state.disabledAt : undefined),
    revoked_at: time(revoked?.revokedAt),
    revocation_reason: revoked?.reason ?? null,
    authentication: authentication.kind === 'secret' ? 'client_secret' : authentication.kind,
    secrets: presentSecrets(key, nowMs),
    jwks:
      authentication.kind === 'private_key_jwt'
        ? { keys: authentication.jwks.keys.map((jwk) => ({ ...jwk })) }
        : null,
    expires_at: time(key.expiresAt),
    cidrs: [...key.cidrs],
    tags: presentTags(key.tags ?? {}),
    application_type: key.applicationType ?? 'web',
    redirect_uris: [...(key.redirectUris ?? [])],
    post_logout_redirect_uris: [...(key.postLogoutRedirectUris ?? [])],
    backchannel_logout_uri: key.backchannelLogoutUri ?? null,
    created_by: key.createdBy,
    created_at: rfc3339(key.createdAt),
    last_used_at: time(lastUsedAt),
  }
}

function presentSecrets(key: ClientKey, nowMs: EpochMs) {
  const live = key.state.kind === 'revoked' ? [] : liveSecrets(key, nowMs)
  const prefix = `lk_${key.environment}_${key.id.slice('key_'.length)}_`
  return live.map(({ id, lastFour, createdAt, endsAt }) => ({
    ...{ id, prefix, last_four: lastFour, created_at: rfc3339(createdAt), ends_at: time(endsAt) },
  }))
}

/** The one place where a client secret is shown. */
export function presentIssued(
  { key, secret }: Issued,
  nowMs: EpochMs,
  more: { readonly tokenEndpoint: string; readonly lastUsedAt: EpochMs | undefined },
): z.input<typeof IssuedBody> {
  return {
    ...present(key, nowMs, more.lastUsedAt),
    client_id: key.id,
    client_secret: secret?.reveal() ?? null,
    token_endpoint: more.tokenEndpoint,
  }
}
