import { z } from 'zod'
import { type EpochMs, rfc3339 } from '../clock.ts'
import { displayName } from '../organizations/display-name.ts'
import { domainName } from '../organizations/domain.ts'
import { areDifferentTags, plainTagKey, tagKeysMax } from '../services/principal-tags.ts'
import { type Connection, postLogoutRedirectUriOf, redirectUriOf } from './connection.ts'
import { type ConnectionTest, isOver, testMsMax } from './connection-test.ts'

const rulesMax = 200
const domainsMax = 50

const claim = z
  .string()
  .min(1)
  .max(200)
  .describe('The name of a claim; or, beginning with /, a JSON pointer into one: /realm_access/roles.')
const service = z.string().min(3).max(40).describe('Its id or slug.')
const role = z.string().min(1).max(100).describe("A service-defined role's name, or the id of an own role.")

const mapping = z.strictObject({
  roles: z
    .array(z.strictObject({ claim, value: z.string().min(1).max(255), service, role }))
    .max(rulesMax)
    .default([])
    .describe('Whoever has the value in the claim has the role.'),
  tags: z
    .array(z.strictObject({ claim, tag: plainTagKey }))
    .max(tagKeysMax)
    .refine(
      (rules) => areDifferentTags(rules.map(({ tag }) => tag)),
      'has a tag twice: keys compare without case',
    )
    .default([])
    .describe("The claim's values become the tag's."),
  default_roles: z
    .array(z.strictObject({ service, role }))
    .max(rulesMax)
    .default([])
    .describe('For whom no rule gives a role.'),
})

const clientId = z.string().min(1).max(500)
const clientSecret = z.string().min(1).max(2_000).describe('Kept sealed, and never shown.')
const clientAuthentication = z
  .enum(['client_secret_basic', 'client_secret_post', 'none'])
  .describe("How it proves itself at the provider's token endpoint; PKCE is used always.")
const scopes = z
  .array(z.string().regex(/^[!#-[\]-~]{1,200}$/, 'is no scope (RFC 6749 §3.3)'))
  .min(1)
  .max(50)
  .refine((given) => given.includes('openid'), 'lacks openid')
const domains = z
  .array(
    z
      .string()
      .max(300)
      .transform((text, context) => {
        const name = domainName(text.trim())
        if (name === undefined) context.addIssue({ code: 'custom', message: 'is no domain' })
        return name ?? ''
      }),
  )
  .max(domainsMax)
  .describe(
    'It alone speaks for these. Empty: for those of the organization that no other active connection names.',
  )
const emailTrust = z
  .enum(['if_said', 'unless_denied'])
  .describe(
    'Whether an e-mail address is taken for verified only if the provider says so, or unless it denies it. The second is for providers that verify every address and never say so.',
  )

const signOut = z
  .enum(['here', 'upstream'])
  .describe(
    'upstream: who signs out here is led on to sign out at the provider, too. Register post_logout_redirect_uri there first.',
  )

export const NewConnectionBody = z.strictObject({
  name: displayName,
  issuer: z.string().min(1).max(500).describe('It is asked for its discovery document, and stays.'),
  client_id: clientId.optional(),
  client_secret: clientSecret.optional(),
  client_authentication: clientAuthentication.default('client_secret_basic'),
  scopes: scopes.default(['openid', 'email', 'profile']),
  domains: domains.default([]),
  email_trust: emailTrust.default('if_said'),
  sign_out: signOut.default('here'),
  mapping: mapping.prefault({}),
})

export const ConnectionChangeBody = z.strictObject({
  name: displayName.optional(),
  client_id: clientId.optional(),
  client_secret: clientSecret.optional(),
  client_authentication: clientAuthentication.optional(),
  scopes: scopes.optional(),
  domains: domains.optional(),
  email_trust: emailTrust.optional(),
  sign_out: signOut.optional(),
  mapping: mapping.optional().describe('All of it: what is left out is taken.'),
})

export const ActivationBody = z.strictObject({
  enforcement: z
    .enum(['offered', 'required'])
    .default('offered')
    .describe('required: whoever it speaks for signs in through it, and no other way.'),
})

const nullableText = z.string().nullable()
const givenRole = { service_id: z.string(), role: z.string() }

export const ConnectionBody = z.object({
  id: z.string(),
  organization_id: z.string(),
  name: z.string(),
  kind: z.enum(['oidc']),
  issuer: z.string(),
  client_id: nullableText,
  client_authentication: clientAuthentication,
  client_secret_set: z.boolean(),
  redirect_uri: z.string().describe('What to register at the provider, letter by letter.'),
  scopes: z.array(z.string()),
  domains: z.array(z.string()),
  email_trust: emailTrust,
  sign_out: signOut,
  post_logout_redirect_uri: z.string().describe('What to register at the provider for sign_out upstream.'),
  state: z.enum(['draft', 'active', 'disabled']),
  enforcement: z.enum(['offered', 'required']).nullable(),
  disabled_at: nullableText,
  tested_at: nullableText.describe('When a test with all that it now has went through.'),
  mapping: z.object({
    roles: z.array(z.object({ claim: z.string(), value: z.string(), ...givenRole })),
    tags: z.array(z.object({ claim: z.string(), tag: z.string() })),
    default_roles: z.array(z.object(givenRole)),
  }),
  created_by: z.string(),
  created_at: z.string(),
})

export const TestBegunBody = z.object({
  url: z.string().describe('Open it in a browser, and sign in at the provider. It lets nobody in here.'),
  ends_at: z.string(),
})

export const TestBody = z.object({
  connection_id: z.string(),
  state: z.enum(['under_way', 'expired', 'passed', 'failed']),
  begun_at: z.string(),
  ended_at: nullableText,
  detail: nullableText.describe('What was met.'),
  fix: nullableText.describe('What to do about it.'),
  claims: z
    .record(z.string(), z.unknown())
    .describe('What the provider said: values of mapped claims, of all others the form alone.'),
  roles: z.array(z.object(givenRole)).describe('What the mapping would have given.'),
  tags: z.record(z.string(), z.array(z.string())),
})

function time(at: EpochMs | undefined): string | null {
  return at === undefined ? null : rfc3339(at)
}

export function present(connection: Connection, origin: string): z.input<typeof ConnectionBody> {
  const { id, organizationId, name, kind, issuer, clientId: client_id = null, authentication } = connection
  const { scopes: asked, domains: named, emailTrust: email_trust, state, createdBy, createdAt } = connection
  return {
    ...{ id, organization_id: organizationId, name, kind, issuer, client_id },
    client_authentication: authentication.kind,
    client_secret_set: authentication.kind !== 'none' && authentication.sealedSecret !== undefined,
    redirect_uri: redirectUriOf(origin, id),
    ...{
      scopes: [...asked],
      domains: [...named],
      email_trust,
      sign_out: connection.signOut,
      state: state.kind,
    },
    post_logout_redirect_uri: postLogoutRedirectUriOf(origin, id),
    enforcement: state.kind === 'active' ? state.enforcement : null,
    disabled_at: time(state.kind === 'disabled' ? state.disabledAt : undefined),
    tested_at: time(connection.testedAt),
    mapping: presentMapping(connection),
    ...{ created_by: createdBy, created_at: rfc3339(createdAt) },
  }
}

function presentMapping({ mapping: { roles, tags, defaultRoles } }: Connection) {
  return {
    roles: roles.map(({ claim: from, value, serviceId, role: given }) => ({
      ...{ claim: from, value, service_id: serviceId, role: given },
    })),
    tags: tags.map(({ claim: from, tag }) => ({ claim: from, tag })),
    default_roles: defaultRoles.map(presentRole),
  }
}

function presentRole({ serviceId, role: given }: Connection['mapping']['defaultRoles'][number]) {
  return { service_id: serviceId, role: given }
}

export function presentTest(test: ConnectionTest, nowMs: EpochMs): z.input<typeof TestBody> {
  const { id, begunAt, state } = test
  const begun = { connection_id: id, begun_at: rfc3339(begunAt) }
  const nothing = { detail: null, fix: null, claims: {}, roles: [], tags: {} }
  switch (state.kind) {
    case 'under_way': {
      const isExpired = isOver(test, nowMs)
      const ended = isExpired ? rfc3339(begunAt + testMsMax) : null
      return { ...begun, state: isExpired ? 'expired' : 'under_way', ended_at: ended, ...nothing }
    }
    case 'passed': {
      const tags = Object.entries(state.tags).map(([key, values]) => [key, [...values]])
      const given = {
        roles: state.roles.map(presentRole),
        tags: Object.fromEntries(tags),
        claims: state.claims,
      }
      return { ...begun, state: 'passed', ended_at: rfc3339(state.endedAt), ...nothing, ...given }
    }
    case 'failed': {
      const { detail, fix, claims } = state
      return { ...begun, state: 'failed', ended_at: rfc3339(state.endedAt), ...nothing, detail, fix, claims }
    }
    default:
      throw new Error(`unknown state: ${state satisfies never}`)
  }
}
