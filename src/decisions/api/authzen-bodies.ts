import { z } from 'zod'
import type { ReasonCode } from '../../evaluator/model.ts'
import type { Evaluated, Evaluation } from '../authzen/evaluate.ts'
import { evaluationsSemantics } from '../authzen/evaluations.ts'
import type { SubjectContext } from '../authzen/find-subject.ts'
import { FilterBody, presentFilter } from './decide-operation.ts'
import { PageBody } from './search-paging.ts'

// AuthZEN Authorization API 1.0 as JSON. Its bodies are open: what is not known is passed over (§4).

const text = (lengthMax: number) => z.string().min(1).max(lengthMax)
const properties = z.record(z.string(), z.unknown()).optional()
const idLengthMax = 16_384

const SubjectBody = z.object({ type: text(200), id: text(idLengthMax), properties })
const ActionBody = z.object({ name: text(500), properties })
const ResourceBody = z.object({ type: text(2_000), id: text(4_000), properties })

const scope = z.union([
  z.array(z.string()),
  z.string().transform((names) => names.split(' ').filter((name) => name !== '')),
])

const ContextBody = z
  .object({
    scope: scope.optional().describe('Of a `user`: what the app may do that acts for them.'),
    ip_address: z.string().max(100).optional().describe('Where the request came from.'),
    proof_checked: z.boolean().optional().describe('You have verified the proof of a bound `access_token`.'),
    accept_test_keys: z.boolean().optional().describe('Lets keys of the environment `test` in.'),
    can_filter: z.boolean().optional().describe('You put a `filter` over the response of an operation.'),
    organization: z
      .string()
      .optional()
      .describe('Of a `user` by address: which of several organizations, each with one.'),
  })
  .optional()

export const EvaluationBody = z.object({
  subject: SubjectBody,
  action: ActionBody,
  resource: ResourceBody,
  context: ContextBody,
})

/** Of several, one by one: what one of them lacks is its own fault. */
const evaluationsMax = 1_000
export const EvaluationsBody = z.object({
  subject: z.unknown().optional(),
  action: z.unknown().optional(),
  resource: z.unknown().optional(),
  context: z.unknown().optional(),
  evaluations: z.array(z.unknown()).max(evaluationsMax).optional(),
  options: z.object({ evaluations_semantic: z.enum(evaluationsSemantics).default('execute_all') }).optional(),
})

/** Without an id; one that stands there all the same is passed over (§8.4.1). */
export const SubjectSearchBody = z.object({
  ...{ subject: SubjectBody.pick({ type: true }), action: ActionBody, resource: ResourceBody },
  ...{ context: ContextBody, page: PageBody },
})
export const ResourceSearchBody = z.object({
  ...{ subject: SubjectBody, action: ActionBody, resource: ResourceBody.pick({ type: true }) },
  ...{ context: ContextBody, page: PageBody },
})
export const ActionSearchBody = z.object({
  ...{ subject: SubjectBody, resource: ResourceBody, context: ContextBody, page: PageBody },
})

const resultsOf = (one: z.ZodType) =>
  z.object({
    page: z.object({ next_token: z.string().describe('Empty: there is no more.'), count: z.int() }),
    results: z.array(one),
  })
export const SubjectsBody = resultsOf(z.object({ type: z.string(), id: z.string() }))
export const ActionsBody = resultsOf(z.object({ name: z.string() }))

const ReasonField = z.record(z.string(), z.string())

export const DecisionBody = z.object({
  decision: z.boolean(),
  context: z
    .object({
      id: z.string().optional().describe('In the decision log.'),
      reason_admin: ReasonField.optional().describe('With `code`, the reason code. Not for the subject.'),
      reason_user: ReasonField.optional(),
      needed_scopes: z.array(z.string()).optional(),
      filter: FilterBody.optional(),
      error: z.object({ status: z.int(), message: z.string() }).optional(),
    })
    .optional(),
})

export function readContext(context: z.output<typeof ContextBody>): SubjectContext {
  const { scope, ip_address, proof_checked, accept_test_keys, organization, can_filter } = context ?? {}
  return {
    ...{ scope, address: ip_address, organization },
    ...{ proofChecked: proof_checked, acceptTestKeys: accept_test_keys, canFilter: can_filter },
  }
}

export function readEvaluation({ context, ...rest }: z.output<typeof EvaluationBody>): Evaluation {
  return { ...rest, context: readContext(context) }
}

/** A denial says why to whoever asks; for the subject, what is denied and what is not there are alike. */
export function presentEvaluated(evaluated: Evaluated): z.input<typeof DecisionBody> {
  const { allowed, reason, decisionId, neededScopes, detail, filter } = evaluated
  const id = decisionId === undefined ? {} : { id: decisionId }
  if (allowed)
    return { decision: true, context: filter === undefined ? id : { ...id, filter: presentFilter(filter) } }
  return {
    decision: false,
    context: {
      ...id,
      reason_admin: { code: reason, ...(detail === undefined ? {} : { en: detail }) },
      reason_user: { en: userReason(reason) },
      ...(neededScopes === undefined ? {} : { needed_scopes: [...neededScopes] }),
    },
  }
}

function userReason(reason: ReasonCode): string {
  return ['invalid_token', 'token_revoked', 'insufficient_user_authentication'].includes(reason)
    ? 'Sign in to do this.'
    : 'You may not do this, or it is not there.'
}
