import { z } from 'zod'
import { printFilter } from '../../evaluator/response/print-filter.ts'
import type { ResponseFilter } from '../../evaluator/response/response-filter.ts'
import type { DescribedOperation } from '../../http/described-operation.ts'
import type { AskedRequest, ServerDecision } from '../server-decider.ts'
import { subjectFields } from './subject-body.ts'

export const decideId = 'decide'
const askedAtOnceMax = 1_000

/** The request that a decision is asked about, on the wire. */
export const RequestBody = z
  .strictObject({
    method: z.string().min(1).max(40),
    path: z.string().min(1).max(8_000).describe('As it was sent, with its query: `/clusters/c1?force=true`.'),
    body: z.unknown().optional().describe('The JSON body. Absent: it is not known.'),
    body_text: z
      .string()
      .optional()
      .describe('The body as it was sent, in place of `body`; empty: there is none.'),
    can_filter: z
      .literal(true)
      .optional()
      .describe('You put a `filter` over the response. Without it, what needs one is `filter_required`.'),
    content_type: z.string().max(200).optional().describe('Of `body_text`. Default `application/json`.'),
  })
  .refine(({ body, body_text }) => body === undefined || body_text === undefined, {
    path: ['body_text'],
    message: 'stands beside body: send one of the two',
  })

/** What one asks, or several at once. */
export const DecideBody = z.strictObject({
  ...subjectFields,
  request: RequestBody.optional(),
  requests: z
    .array(z.strictObject({ ...subjectFields, request: RequestBody }))
    .min(1)
    .max(askedAtOnceMax)
    .optional()
    .describe('Several at once, in place of `request`: each may name its own `token` or `principal`.'),
})

/** What may be shown of the response: layers, each put over what the one before has left. */
export const FilterBody = z
  .array(z.object({ fields: z.array(z.string()), mask: z.string().optional() }))
  .describe('What may be shown of the response; each is put over what the one before has left.')

const DecisionBody = z.object({
  allowed: z.boolean(),
  reason: z.string().describe('A reason code, such as `operation_not_in_role`.'),
  operation: z.string().nullable(),
  parameters: z.record(z.string(), z.string()).describe('Of the path, decoded once.'),
  decision_id: z.string(),
  role: z.string().nullable().describe('The role that opened it.'),
  needed_scopes: z
    .array(z.string())
    .optional()
    .describe('With `insufficient_scope`: these together would do.'),
  methods: z.array(z.string()).optional().describe('With `method_not_allowed`: what the path knows.'),
  filter: FilterBody.optional(),
  detail: z.string().optional().describe('Why a token is not valid, for you and not for who sent it.'),
})

export const decideOperation: DescribedOperation = {
  operationId: decideId,
  method: 'POST',
  path: '/{service}/decide',
  summary: 'Ask whether a request is allowed',
  description:
    'One `request` is answered with its decision; `requests`, up to 1,000, with `decisions` in their order, each by ' +
    'itself. A token is verified in full, but for the proof of a key that it may be bound to. `X-Decision-Id` of one ' +
    'request is that of its decision.',
  tag: 'Guards',
  params: { service: 'The service that the key guards: its slug.' },
  body: DecideBody,
  example: {
    principal: { id: 'key_01jz8x6v0kq3m5n7p9r1s3t5v7' },
    request: { method: 'GET', path: '/patients/p1' },
  },
  status: 200,
  answer: z.union([DecisionBody, z.object({ decisions: z.array(DecisionBody) })]),
  errors: ['service_not_found'],
}

export function decisionRequest({ method, path, ...rest }: z.output<typeof RequestBody>): AskedRequest {
  const { body, body_text: text, content_type: mediaType = 'application/json', can_filter } = rest
  const asked = { method, path, canFilter: can_filter === true }
  if (text !== undefined) return { ...asked, body: { kind: 'text', mediaType, text } }
  if (body === undefined) return asked
  return { ...asked, body: { kind: 'value', mediaType: 'application/json', value: body } }
}

export function presentDecision({ decision, decisionId, match, detail }: ServerDecision) {
  const { allowed, reason } = decision
  const needed = decision.allowed ? undefined : decision.neededScopes
  const methods = decision.allowed ? undefined : decision.methods
  return {
    ...{ allowed, reason, operation: match?.indexed.operation.id ?? null },
    ...{ parameters: match?.parameters ?? {}, decision_id: decisionId },
    role: (decision.allowed ? decision.role : undefined) ?? null,
    ...(needed === undefined ? {} : { needed_scopes: [...needed] }),
    ...(methods === undefined ? {} : { methods: [...methods] }),
    ...(decision.allowed && decision.filter ? { filter: presentFilter(decision.filter) } : {}),
    ...(detail === undefined ? {} : { detail }),
  } satisfies z.input<typeof DecisionBody>
}

export function presentFilter(filter: ResponseFilter): z.input<typeof FilterBody> {
  return printFilter(filter).map(({ fields, ...mask }) => ({ fields: [...fields], ...mask }))
}
