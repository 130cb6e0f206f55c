import type { Clock } from '../clock.ts'
import type { Match } from '../evaluator/match.ts'
import type { StepUp } from '../evaluator/model.ts'
import type { VerifiedCaller } from './verify-token.ts'

export interface StepUpRules {
  /** For every operation. */
  readonly everywhere?: StepUp
  /** By operation id. */
  readonly operations: ReadonlyMap<string, StepUp>
}

/**
 * The first requirement that a person's sign-in does not meet (RFC 9470); `undefined`: all are met. Machines do not sign
 * in, and are asked for none: which of them may do what is said by roles.
 */
export function unmetStepUp(
  { everywhere, operations: own }: StepUpRules,
  matches: readonly Match[],
  { kind, claims }: Pick<VerifiedCaller, 'kind' | 'claims'>,
  clock: Clock,
): StepUp | undefined {
  if (kind === 'key') return undefined
  const required = matches.flatMap(({ indexed: { operation } }) => [operation.stepUp, own.get(operation.id)])
  return [everywhere, ...required].find((one) => one !== undefined && !isMet(one, claims, clock))
}

function isMet(
  { maxAgeSeconds, acrValues }: StepUp,
  claims: VerifiedCaller['claims'],
  clock: Clock,
): boolean {
  const { auth_time: signedInAt, acr } = claims
  const isFresh =
    maxAgeSeconds === undefined ||
    (typeof signedInAt === 'number' && clock() - signedInAt * 1000 <= maxAgeSeconds * 1000)
  return isFresh && (acrValues === undefined || (typeof acr === 'string' && acrValues.includes(acr)))
}
