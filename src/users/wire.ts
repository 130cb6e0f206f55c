import { z } from 'zod'
import { type EpochMs, rfc3339 } from '../clock.ts'
import { displayName } from '../organizations/display-name.ts'
import { presentTags, principalTags, TagsBody } from '../services/principal-tags.ts'
import type { User } from './user.ts'

const rolesMax = 100

/** ASCII alone: an address that looks like another is not another person's. */
export const emailAddress = z.email('is not an e-mail address').max(254)

const roles = z
  .array(
    z.strictObject({
      service: z.string().min(3).max(40).describe('Its id or slug.'),
      role: z.string().min(1).max(100).describe("A service-defined role's name, or the id of an own role."),
    }),
  )
  .max(rolesMax)

const service = z
  .string()
  .min(3)
  .max(40)
  .describe(
    'Whose sign-in pages the mailed link leads to: its id or slug. Absent: of the first role, else latchkey.',
  )

export const InvitationBody = z.strictObject({
  email: emailAddress,
  name: displayName.optional(),
  roles: roles.default([]),
  tags: principalTags.default({}),
  service: service.optional(),
})

export const LinkBody = z.strictObject({ service: service.optional() })

export const UserChangeBody = z.strictObject({
  name: displayName.nullable().optional(),
  roles: roles.optional().describe('All of them: those left out are taken.'),
  tags: principalTags.optional().describe('All of them: those left out are taken.'),
})

const nullableText = z.string().nullable()

export const UserBody = z.object({
  id: z.string(),
  organization_id: z.string(),
  email: z.string(),
  email_verified_at: nullableText,
  name: nullableText,
  state: z.enum(['invited', 'active', 'disabled']),
  disabled_at: nullableText,
  roles: z.array(
    z.object({
      service_id: z.string(),
      role: z.string(),
      connection_id: nullableText.describe(
        'The connection whose mapping gave it; null: it was given by hand.',
      ),
    }),
  ),
  tags: TagsBody,
  password_changed_at: nullableText.describe('null: the user has no password.'),
  identities: z.array(z.object({ connection_id: z.string(), subject: z.string() })),
  created_by: z.string(),
  created_at: z.string(),
})

function time(at: EpochMs | undefined): string | null {
  return at === undefined ? null : rfc3339(at)
}

export function present(user: User): z.input<typeof UserBody> {
  const { state } = user
  return {
    id: user.id,
    organization_id: user.organizationId,
    email: user.email,
    email_verified_at: time(user.emailVerifiedAt),
    name: user.name ?? null,
    state: state.kind,
    disabled_at: time(state.kind === 'disabled' ? state.disabledAt : undefined),
    roles: user.roles.map(({ serviceId, role, from }) => ({
      ...{ service_id: serviceId, role, connection_id: from ?? null },
    })),
    tags: presentTags(user.tags),
    password_changed_at: time(user.password?.changedAt),
    identities: user.identities.map(({ connectionId, subject }) => ({
      connection_id: connectionId,
      subject,
    })),
    created_by: user.createdBy,
    created_at: rfc3339(user.createdAt),
  }
}
