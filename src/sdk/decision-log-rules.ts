/** What of a decision's resource is told: the ids of the path, none of them, or what stands for each (HMAC-SHA-256). */
export type ResourceIds = 'keep' | 'omit' | { readonly hashedWith: string }

export interface DecisionLogOptions {
  /** Of what is allowed, so much is recorded, evenly: 0 nothing, 1 all of it. What is refused always is. Default 1. */
  readonly allowedShare?: number
  /**
   * The ids in paths: kept; left out; or replaced by a hash keyed with a secret of your own (16 characters or more), by
   * which those of one resource are still known to be the same. Default `keep`.
   */
  readonly resourceIds?: ResourceIds
  /**
   * When the queue is full: `drop` counts what has no room, and the API goes on. `wait` loses nothing: requests wait until
   * there is room, and so for the server while it cannot be reached. Default `drop`.
   */
  readonly whenFull?: 'drop' | 'wait'
  /** So many decisions wait for the server at most. Default 10,000. */
  readonly queueMax?: number
  /** So many go to the server at once, up to 1,000. Default 500. */
  readonly batchMax?: number
  /** They go after so long, however few they are. Default 1,000. */
  readonly batchMsMax?: number
  /** `close()` takes so long at most to bring the rest to the server. Default 5,000. */
  readonly closeMsMax?: number
}

/** `denials`: what was refused. `all`: what was allowed, too. */
export type DecisionLogSetting = 'off' | 'denials' | 'all' | DecisionLogOptions

export type DecisionLogRules = Required<DecisionLogOptions>

const secretLengthMin = 16

/**
 * `undefined`: nothing is recorded.
 * @throws {TypeError} for what cannot work
 */
export function decisionLogRules(setting: DecisionLogSetting): DecisionLogRules | undefined {
  if (setting === 'off') return undefined
  const options = typeof setting === 'string' ? { allowedShare: setting === 'all' ? 1 : 0 } : setting
  const rules: DecisionLogRules = {
    allowedShare: options.allowedShare ?? 1,
    resourceIds: options.resourceIds ?? 'keep',
    whenFull: options.whenFull ?? 'drop',
    queueMax: options.queueMax ?? 10_000,
    batchMax: options.batchMax ?? 500,
    batchMsMax: options.batchMsMax ?? 1_000,
    closeMsMax: options.closeMsMax ?? 5_000,
  }
  checkRange('allowedShare', rules.allowedShare, 0, 1)
  checkWhole('queueMax', rules.queueMax, 1, 10_000_000)
  checkWhole('batchMax', rules.batchMax, 1, 1_000)
  checkWhole('batchMsMax', rules.batchMsMax, 1, 60_000)
  checkWhole('closeMsMax', rules.closeMsMax, 0, 60_000)
  const { resourceIds } = rules
  if (typeof resourceIds === 'object' && resourceIds.hashedWith.length < secretLengthMin)
    throw new TypeError(
      `decisionLog.resourceIds.hashedWith must have ${secretLengthMin} characters: ids can be guessed`,
    )
  return rules
}

function checkWhole(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value))
    throw new TypeError(`decisionLog.${name} must be a whole number, not ${value}`)
  checkRange(name, value, least, most)
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most))
    throw new TypeError(`decisionLog.${name} must be ${least} to ${most}, not ${value}`)
}
