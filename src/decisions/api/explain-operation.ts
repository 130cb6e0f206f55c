import { z } from 'zod'
import type { DescribedOperation } from '../../http/described-operation.ts'
import { FilterBody, RequestBody } from './decide-operation.ts'
import { subjectFields } from './subject-body.ts'

export const explainId = 'explain'

const text = z.string().max(200)
const tags = z.record(z.string().max(127), z.array(z.string().max(255)).min(1).max(50))

export const ExplainBody = z.strictObject({
  ...subjectFields,
  made_up: z
    .strictObject({
      organization: text.describe('Its id.'),
      roles: z.array(text).max(100).describe('Names of roles of the service, ids of its own.'),
      kind: z.enum(['key', 'user']).default('key'),
      tags: tags.optional(),
      scope: z.array(text).max(1_000).optional().describe('What an app that acts for them may do.'),
    })
    .optional()
    .describe('Nobody that there is, in place of `token` and `principal`.'),
  request: RequestBody,
})

const Values = z
  .object({
    kind: z.enum(['values', 'hidden', 'none']),
    values: z.array(z.string()).optional(),
    more: z.int().optional().describe('So many are not shown.'),
    why: z.string().optional(),
  })
  .describe('`hidden`: of a body, or under a name that looks like a secret.')

const Test = z.object({
  text: z.string(),
  truth: z.enum(['true', 'false', 'unknown', 'body_required']),
  variables: z.array(z.object({ name: z.string(), values: Values })),
})

const Attempt = z.object({
  place: z
    .object({
      kind: z.enum(['statement', 'security']),
      role: z.string().optional(),
      pointer: z.string().optional(),
      scopes: z.array(z.string()).optional(),
    })
    .describe('A statement of a role, or the `security` of the operation in the document.'),
  reason: z.string(),
  fields_outside: z.array(z.string()).optional(),
  tags_unmatched: z.array(z.object({ key: z.string(), needed: Values, own: Values })).optional(),
  condition: z
    .object({ decisive: z.array(Test), tree: z.looseObject({ kind: z.string() }) })
    .optional()
    .describe('The parts by which the condition came out as it did, and all of it.'),
  filters: z
    .array(z.object({ role: z.string(), fields: z.array(z.string()), mask: z.string().optional() }))
    .optional(),
})

const OperationBody = z.object({
  operation: z.string(),
  method: z.string(),
  path: z.string(),
  parameters: z.record(z.string(), z.string()),
  reason: z.string(),
  organization: z
    .object({ parameter: z.string(), asked: z.string(), own: z.string(), passes: z.boolean() })
    .optional(),
  resource: z
    .object({
      names: z.array(z.string()),
      standing: z.enum(['owned', 'shared', 'of_another', 'unregistered', 'not_at_hand']),
      registered: z
        .object({ name: z.string(), owner: z.string(), tags: z.record(z.string(), z.array(z.string())) })
        .optional(),
    })
    .optional(),
  sides: z.array(
    z.object({
      kind: z.enum(['roles', 'entitlement', 'scope']),
      allows: z.boolean(),
      roles: z.array(
        z.object({
          names: z.array(z.string()),
          standing: z.enum(['held', 'unknown', 'not_entitled']),
          attempts: z.array(Attempt),
        }),
      ),
    }),
  ),
})

export const ExplanationBody = z.object({
  decision: z.object({
    allowed: z.boolean(),
    reason: z.string(),
    detail: z.string().optional(),
    role: z.string().nullable(),
    needed_scopes: z.array(z.string()).optional(),
    methods: z.array(z.string()).optional(),
    filter: FilterBody.optional(),
  }),
  principal: z
    .object({
      kind: z.enum(['key', 'user']),
      id: z.string(),
      organization_id: z.string(),
      roles: z.array(z.string()),
      scope: z.array(z.string()).optional(),
      assumption: z.string().optional(),
    })
    .nullable(),
  token_findings: z
    .array(z.object({ about: z.string(), said: z.string().optional(), expected: z.string() }))
    .describe('Of a token that is not valid: what it says, whoever wrote it, and what it had to.'),
  operations: z.array(OperationBody).describe('Those that the request names: each must allow.'),
  changes: z
    .array(
      z.object({
        text: z.string(),
        edits: z.array(z.looseObject({ kind: z.string() })),
      }),
    )
    .describe('The smallest changes that would have it allowed, any one of them. Each was decided anew.'),
})

export const explainOperation: DescribedOperation = {
  operationId: explainId,
  method: 'POST',
  path: '/{service}/explain',
  summary: 'Ask why a request is allowed or denied, and what would change it',
  description:
    'For a `token`, a `principal` by name, or one that is `made_up`. Tells each role and statement that was tried, what ' +
    'stopped it, and the smallest changes that would have the request allowed. Nothing is recorded. Values of the body, ' +
    'and those under names that look like a secret, are not told.',
  tag: 'Guards',
  params: { service: 'The service that the key guards: its slug.' },
  body: ExplainBody,
  example: {
    principal: { id: 'key_01jz8x6v0kq3m5n7p9r1s3t5v7' },
    request: { method: 'PUT', path: '/patients/p1' },
  },
  status: 200,
  answer: ExplanationBody,
  errors: ['service_not_found'],
}
