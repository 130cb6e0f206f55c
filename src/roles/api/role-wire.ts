import { z } from 'zod'
import { rfc3339 } from '../../clock.ts'
import type { FilterStatement, Statement } from '../../evaluator/model.ts'
import { displayName, displayText } from '../../organizations/display-name.ts'
import type { RolePreview } from '../preview-role.ts'
import type { WrittenContent } from '../read-policy.ts'
import { type RoleContent, statementsMax } from '../read-role-content.ts'
import type { Role } from '../role.ts'

/** UTF-16 code units; enough for the largest role in its longest spelling that anybody writes. */
const policyLengthMax = 200_000

const StatementBody = z
  .looseObject({
    operations: z
      .array(z.string().min(1).max(500))
      .min(1)
      .max(2_000)
      .describe('Each an operationId, or METHOD /path, of the service.'),
    where: z
      .string()
      .optional()
      .describe(
        'Only where this condition holds. Without one, all tags of a resource must match the caller’s.',
      ),
    fields: z
      .array(z.string())
      .optional()
      .describe('Only requests whose query parameters and fields of the body are all among these.'),
  })
  .describe('Allows operations.')

const FilterBody = z
  .looseObject({
    operations: z.array(z.string().min(1).max(500)).min(1).max(2_000),
    fields: z.array(z.string()).optional().describe('The fields of the response that are shown.'),
    mask: z
      .string()
      .optional()
      .describe('Stands in place of what is not shown. Without one, that is left out.'),
  })
  .describe(
    'Shows of the responses of these operations, as far as this role allows them, these fields alone.',
  )

const content = {
  allow: z.array(StatementBody).min(1).max(statementsMax).optional(),
  filter: z.array(FilterBody).min(1).max(statementsMax).optional(),
  policy: z
    .string()
    .max(policyLengthMax)
    .optional()
    .describe(
      '`allow` and `filter` as one text in place of the two: YAML, or a list of operations below `allow:` with `where:` after it.',
    ),
}
const named = { name: displayName, description: displayText.default('') }

/** Either the parts or the text, so that neither is passed over. */
function eitherContent({ allow, filter, policy }: WrittenContent, refuse: z.RefinementCtx): void {
  if (policy === undefined && allow === undefined)
    refuse.addIssue({ code: 'custom', path: ['allow'], message: 'is missing, and there is no policy' })
  for (const [name, part] of Object.entries({ allow, filter }))
    if (policy !== undefined && part !== undefined)
      refuse.addIssue({ code: 'custom', path: [name], message: 'stands beside a policy, which says it too' })
}

export const RoleReplacementBody = z.strictObject({ ...named, ...content }).superRefine(eitherContent)
export const NewRoleBody = z
  .strictObject({ service: z.string().min(3).max(40).describe('Its id or slug.'), ...named, ...content })
  .superRefine(eitherContent)

const texts = z.array(z.string())
const keptContent = {
  allow: z.array(z.object({ operations: texts, where: z.string().optional(), fields: texts.optional() })),
  filter: z.array(z.object({ operations: texts, fields: texts, mask: z.string().optional() })).optional(),
}

const warnings = z
  .array(z.object({ pointer: z.string(), detail: z.string(), fix: z.string().optional() }))
  .describe(
    'What is kept all the same: a condition asks for a tag that nobody has, and somebody has one alike.',
  )

export const RolePreviewBody = z.strictObject(content).superRefine(eitherContent)
export const RolePreviewAnswer = z.object({
  ...keptContent,
  changes: z.object({
    gains: texts.describe('Operations that the role does not allow now.'),
    loses: texts.describe('Operations that it would no longer allow.'),
    widened: texts.describe(
      'Operations that it would allow for something that it does not allow for certain now.',
    ),
    narrowed: texts.describe('Operations that it would not allow for certain for all that it does now.'),
  }),
  holders: z.array(
    z.object({
      kind: z.enum(['assumption', 'client_key', 'connection', 'user']),
      id: z.string(),
      name: z.string(),
    }),
  ),
  more_holders: z.boolean().describe('There are more than are listed.'),
  warnings,
})

export const RoleBody = z.object({
  id: z.string(),
  organization_id: z.string(),
  service_id: z.string(),
  name: z.string(),
  description: z.string(),
  ...keptContent,
  created_at: z.string(),
  changed_at: z.string(),
})

/** What is answered to who saves one. */
export const SavedRoleBody = RoleBody.extend({ warnings })

export function present(role: Role): z.input<typeof RoleBody> {
  return {
    id: role.id,
    organization_id: role.organizationId,
    service_id: role.serviceId,
    name: role.name,
    description: role.description,
    ...presentContent(role),
    created_at: rfc3339(role.createdAt),
    changed_at: rfc3339(role.changedAt),
  }
}

/** What is kept of what a role allows and shows. */
function presentContent({ allow, filter }: RoleContent) {
  return {
    allow: allow.map(presentStatement),
    ...(filter === undefined ? {} : { filter: filter.map(presentFilter) }),
  }
}

export function presentPreview({
  content,
  changes,
  holders,
  areMore,
}: RolePreview): Omit<z.input<typeof RolePreviewAnswer>, 'warnings'> {
  const { gains, loses, widened, narrowed } = changes
  return {
    ...presentContent(content),
    changes: { gains: [...gains], loses: [...loses], widened: [...widened], narrowed: [...narrowed] },
    holders: [...holders],
    more_holders: areMore,
  }
}

function presentStatement({ operations, where, fields }: Statement) {
  return {
    operations: [...operations],
    ...(where === undefined ? {} : { where }),
    ...(fields === undefined ? {} : { fields: [...fields] }),
  }
}

function presentFilter({ operations, fields, mask }: FilterStatement) {
  return { operations: [...operations], fields: [...fields], ...(mask === undefined ? {} : { mask }) }
}
