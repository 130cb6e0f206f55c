import type { Limits } from '../evaluator/limits.ts'
import type { Operation } from '../evaluator/model.ts'
import type { ResponseFilter } from '../evaluator/response/response-filter.ts'
import type { DecisionId } from '../ids.ts'
import type { Refusal } from './answers.ts'
import type { RequestBody } from './request-body.ts'
import type { MetadataAnswer } from './resource-metadata.ts'
import type { VerifiedCaller } from './verify-token.ts'

export interface GuardRequest {
  readonly method: string
  /** The request's target as it was sent: `/path?query`. */
  readonly url: string
  /** Each `Authorization` header. */
  readonly authorization?: string | readonly string[] | undefined
  /** Each `DPoP` header: the proof that a bound token needs (RFC 9449). */
  readonly dpop?: string | readonly string[] | undefined
  /** Absent: nothing is known of it. What depends on it is then refused. */
  readonly body?: RequestBody
  /** The address of the socket's other end. */
  readonly address?: string | undefined
  readonly forwardedFor?: string | readonly string[] | undefined
  /** It was admitted before and is still being answered: its proof need not be new any more. */
  readonly admittedBefore?: true
  /**
   * Who asks puts an admission's `filter` over the response. Absent: what is allowed with a filter alone is answered
   * `filter_required`.
   */
  readonly filtersResponse?: true
  /** It has the headers of a CORS preflight: `Origin` and `Access-Control-Request-Method`. */
  readonly corsHeaders?: boolean
}

/** The request may go on. */
export interface Admission {
  readonly allowed: true
  readonly status: 200
  /**
   * To be sent with the answer: the decision's id, and the nonce for the client's next proof, where there is a new one
   * (RFC 9449 §8.2).
   */
  readonly headers: Readonly<Record<string, string>>
  readonly decisionId: DecisionId
  readonly reason: 'allowed' | 'public'
  readonly operation: Operation
  /** Path parameters, decoded once. */
  readonly parameters: Readonly<Record<string, string>>
  readonly canonicalPath: string
  /** The role that opened it. */
  readonly role?: string
  /** What may be shown of the response. Absent: all. Only for who said that it filters. */
  readonly filter?: ResponseFilter
  /** Absent on a public operation. */
  readonly caller?: VerifiedCaller
  /**
   * Whether the caller holds another operation, too; in another organization than its own only by a role that
   * passes for any. On a public operation: never.
   * @param limits how far; absent: without any limit. `false` where it is not proven to be within what is held
   */
  holds(operationId: string, organizationId?: string, limits?: Limits): boolean
}

/** The request must be answered with this instead. */
export interface Rejection extends Refusal {
  readonly allowed: false
  readonly decisionId: DecisionId
  readonly operation?: Operation
  readonly caller?: VerifiedCaller
  /** For the operator's log: how the token failed, or why it could not be decided. Never sent. */
  readonly cause?: unknown
}

export type GuardAnswer = Admission | Rejection

/** What a middleware needs of a guard. */
export interface Gate {
  /** Decides; never throws for what a request brings. */
  check(request: GuardRequest): Promise<GuardAnswer>
  /**
   * Whether it is a CORS preflight, which is not decided: it has no credentials, and goes on to the API's own answer.
   * Where the document has an operation for `OPTIONS` it is that operation, and decided.
   */
  isPreflight(request: GuardRequest): Promise<boolean>
  /** The answer to a request for the API's metadata, where the guard is told to give it; else `undefined`. */
  metadataFor(request: GuardRequest): Promise<MetadataAnswer | undefined>
}
