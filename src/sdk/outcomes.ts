import { type Allowed, allows } from '../evaluator/decide.ts'
import type { DecisionFacts } from '../evaluator/grant.ts'
import { Holding } from '../evaluator/holding.ts'
import type { DenialReason, Operation } from '../evaluator/model.ts'
import type { DecisionId } from '../ids.ts'
import { decisionHeader, type RefusalContext, refusalOf } from './answers.ts'
import type { Presented } from './authorization.ts'
import type { CompiledBundle } from './compiled-bundle.ts'
import type { Admission, GuardAnswer, Rejection } from './guard-answer.ts'
import type { BodyNotRead } from './request-body.ts'
import type { VerifiedCaller } from './verify-token.ts'

export const noFacts: DecisionFacts = {
  role: () => null,
  entitlement: () => null,
  resource: () => null,
}

/** An app that is told `insufficient_scope` asks the person again, in vain where it is their roles that do not allow. */
export function isForGood({ kind }: VerifiedCaller, reason: DenialReason): boolean {
  return kind === 'user' && (reason === 'no_role' || reason === 'operation_not_in_role')
}

export interface AdmittedBy {
  readonly caller: VerifiedCaller
  readonly facts: DecisionFacts
  /** Those of the answer, beside the decision's id. */
  readonly headers: Readonly<Record<string, string>> | undefined
}

/** @param by absent on a public operation */
export function admission(
  decisionId: DecisionId,
  { model }: CompiledBundle,
  decision: Allowed,
  by?: AdmittedBy,
): Admission {
  if (by === undefined) {
    const headers = { [decisionHeader]: decisionId }
    return { ...admitted(decision), headers, decisionId, holds: () => false }
  }
  const { caller, facts, headers: more } = by
  const headers =
    more === undefined ? { [decisionHeader]: decisionId } : { ...more, [decisionHeader]: decisionId }
  let holding: Holding | undefined
  const holds: Admission['holds'] = (operationId, organizationId, limits) => {
    if (limits === undefined) return allows(model, facts, caller, operationId, organizationId)
    holding ??= new Holding(model, facts, caller)
    return holding.holds(operationId, limits, organizationId)
  }
  // One spread: each further one takes as long as the decision does.
  return { ...admitted(decision), headers, decisionId, caller, holds }
}

function admitted({ reason, operation, found, role, filter }: Allowed) {
  const { matches, canonicalPath } = found
  const { parameters } = matches[0]
  const all = { allowed: true, status: 200, reason, operation, parameters, canonicalPath } as const
  if (filter !== undefined) return role === undefined ? { ...all, filter } : { ...all, role, filter }
  return role === undefined ? all : { ...all, role }
}

interface About {
  readonly caller: VerifiedCaller
  readonly operation?: Operation | undefined
}

export function rejection(reason: DenialReason, context: RefusalContext, about?: About): Rejection {
  const { decisionId } = context
  const { status, headers, problem } = refusalOf(reason, context)
  const refused = { allowed: false as const, decisionId, reason, status, headers, problem }
  if (about === undefined) return refused
  const { caller, operation } = about
  return operation === undefined ? { ...refused, caller } : { ...refused, caller, operation }
}

/** @param presented what came in place of one token that could be valid */
export function withoutToken(
  presented: Exclude<Presented, { kind: 'token' }>,
  context: RefusalContext,
): Rejection {
  switch (presented.kind) {
    case 'none':
      return rejection('invalid_token', { ...context, bare: true })
    case 'several': {
      const detail = 'The request has more than one Authorization header.'
      return rejection('ambiguous_request', { ...context, detail })
    }
    case 'malformed': {
      const detail = 'The token is too long or not a signed JWT.'
      return rejection('invalid_token', { ...context, detail })
    }
    default:
      throw new Error(`unknown credentials: ${presented satisfies never}`)
  }
}

type Attempt<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly cause: unknown }

/** What the source cannot answer is not decided: the guard fails closed, and the cause goes to the operator. */
export async function attempt<T>(ask: () => T | Promise<T>): Promise<Attempt<T>> {
  try {
    return { kind: 'done', value: await ask() }
  } catch (cause) {
    return { kind: 'failed', cause }
  }
}

/** Whether another answer could come of it if the body were known: roles that look at it may allow, or show, more. */
export function couldTurn(answer: GuardAnswer): boolean {
  if (answer.allowed) return answer.filter !== undefined
  return answer.reason === 'body_required' || answer.reason === 'filter_required'
}

export function withoutBody(answer: GuardAnswer, why: BodyNotRead): GuardAnswer {
  if (answer.allowed || answer.reason !== 'body_required') return answer
  return { ...answer, ...refusalOf('body_required', { decisionId: answer.decisionId, ...why }) }
}
