import type { BodyAtHand } from '../evaluator/request/json-body.ts'

/** Why a body could not be looked at, as the client is told. */
export interface BodyNotRead {
  readonly kind: 'not_read'
  readonly status: number
  readonly detail: string
}

/** Asks for a body, once a decision turns out to depend on it. Rejects never. */
export type AskBody = () => Promise<BodyAtHand | BodyNotRead>

/** A request's body: what is known of it, or how to ask for it. */
export type RequestBody = BodyAtHand | AskBody

export interface BodyLimits {
  /** A longer body is refused with 413, where a decision depends on it. */
  readonly bytesMax: number
  /** One that takes longer to arrive is refused with 408. */
  readonly secondsMax: number
}

/** @throws {TypeError} for limits that cannot work */
export function bodyLimitsOf(given: Partial<BodyLimits> = {}): BodyLimits {
  const { bytesMax = 1_048_576, secondsMax = 30 } = given
  checkRange('bytesMax', bytesMax, 1, 2 ** 28)
  checkRange('secondsMax', secondsMax, 0.001, 3_600)
  return { bytesMax, secondsMax }
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most))
    throw new TypeError(`requestBody.${name} must be ${least} to ${most}, not ${value}`)
}

const unread: BodyAtHand = { kind: 'unread' }

/** What is known of a body before it is asked for. */
export function knownOf(body: RequestBody | undefined): BodyAtHand | undefined {
  return typeof body === 'function' ? unread : body
}
