import { createHmac } from 'node:crypto'
import type { Match } from '../evaluator/match.ts'
import { methods, type ReasonCode } from '../evaluator/model.ts'
import type { DecisionId } from '../ids.ts'
import type { WireDecision } from './decision-batch.ts'
import type { ResourceIds } from './decision-log-rules.ts'
import type { GuardAnswer, GuardRequest } from './guard-answer.ts'
import { maskSecrets } from './mask-secrets.ts'
import type { VerifiedCaller } from './verify-token.ts'

type NotedCaller = Pick<VerifiedCaller, 'kind' | 'id' | 'organizationId' | 'clientId'>

/** A decision as the request leaves it: what is told of it is made of this later, beside the requests. */
export interface NotedDecision {
  readonly id: DecisionId
  readonly method: string
  readonly reason: ReasonCode
  /** The operation, with the path's parameters; absent where the request names none. */
  readonly match: Match | undefined
  readonly caller: NotedCaller | undefined
  readonly role: string | undefined
}

/** What of a request was made out on the way to its answer. */
export interface Seen {
  match?: Match
}

export function notedOf({ method }: GuardRequest, answer: GuardAnswer, { match }: Seen): NotedDecision {
  const { decisionId: id, reason, caller } = answer
  return { id, method, reason, match, caller, role: answer.allowed ? answer.role : undefined }
}

export type WireOf = (noted: NotedDecision) => WireDecision

const knownMethods = new Set<string>(methods)
/** No id is as long: what is longer is something else, and cut. */
const idLengthMax = 200
const parametersMax = 50

/** What is told: names of the document, and ids. Nothing else that came with the request, whatever a client put there. */
export function wireOf(resourceIds: ResourceIds): WireOf {
  return ({ id, method, reason, match, caller, role }) => {
    const operation = match?.indexed.operation
    const resource = resourceIds === 'omit' ? undefined : resourceOf(match, resourceIds)
    return {
      ...{ id, method: knownMethods.has(method) ? method : 'other', reason },
      ...(operation === undefined
        ? {}
        : { operation: cut(operation.id, 500), path: cut(operation.path, 2_000) }),
      ...(resource === undefined ? {} : { resource }),
      ...(caller === undefined ? {} : { principal: principalOf(caller) }),
      ...(role === undefined ? {} : { role: cut(role, 200) }),
    }
  }
}

function principalOf({ kind, id, organizationId, clientId }: NotedCaller): WireDecision['principal'] {
  return {
    ...{ kind, id: cut(id, 200), organization_id: cut(organizationId, 200) },
    client_id: cut(clientId, 500),
  }
}

function resourceOf(
  match: Match | undefined,
  resourceIds: Exclude<ResourceIds, 'omit'>,
): Readonly<Record<string, string>> | undefined {
  const entries = match === undefined ? [] : Object.entries(match.parameters).slice(0, parametersMax)
  if (entries.length === 0) return undefined
  const shown = entries.map(([name, value]) => [
    cut(name, 200),
    resourceIds === 'keep' ? shownId(value) : hashed(value, resourceIds.hashedWith),
  ])
  return Object.fromEntries(shown)
}

/** A token in a path is where none belongs; it is not told on. */
function shownId(value: string): string {
  const masked = maskSecrets(value)
  return masked.length > idLengthMax ? `${cut(masked, idLengthMax)}…` : masked
}

/** Never half a character. */
function cut(text: string, lengthMax: number): string {
  return text.slice(0, lengthMax).toWellFormed()
}

function hashed(value: string, secret: string): string {
  return `hmac:${createHmac('sha256', secret).update(value).digest('base64url').slice(0, 22)}`
}
