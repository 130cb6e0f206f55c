import type { DecisionLogSetting } from '../../sdk/index.ts'
import { Failure } from '../failure.ts'
import { textOf } from './settings.ts'

/** What is said of the decision log on the command line. */
export interface DecisionLogFlags {
  readonly decisionLog: 'off' | 'denials' | 'all'
  readonly decisionLogShare?: string
  readonly decisionLogIds: 'keep' | 'omit'
  readonly decisionLogIdKeyFile?: string
  readonly decisionLogWhenFull: 'drop' | 'wait'
}

const keyLengthMin = 16

/**
 * Which decisions the server is told of, as `createGuard` takes it.
 * @throws {Failure} exit code 2, for flags that do not fit each other
 */
export async function decisionLogSetting(flags: DecisionLogFlags): Promise<DecisionLogSetting> {
  const { decisionLog, decisionLogIds, decisionLogIdKeyFile, decisionLogWhenFull: whenFull } = flags
  const share = shareOf(flags)
  const hashedWith = decisionLogIdKeyFile === undefined ? undefined : await idKey(decisionLogIdKeyFile)
  if (hashedWith !== undefined && decisionLogIds === 'omit')
    throw contradiction('ids that are left out cannot be hashed', 'give --decision-log-ids or the key')
  if (decisionLog === 'off') {
    const isSaid =
      share !== undefined || hashedWith !== undefined || whenFull === 'wait' || decisionLogIds === 'omit'
    if (isSaid) throw contradiction('the decision log is off', 'add --decision-log denials, or all')
    return decisionLog
  }
  if (decisionLog === 'denials' && share !== undefined)
    throw contradiction('with denials nothing is told of what is allowed', 'add --decision-log all')
  return {
    allowedShare: decisionLog === 'denials' ? 0 : (share ?? 1),
    resourceIds: hashedWith === undefined ? decisionLogIds : { hashedWith },
    whenFull,
  }
}

function shareOf({ decisionLogShare: text }: DecisionLogFlags): number | undefined {
  if (text === undefined) return undefined
  const share = /^(?:0|1|0?\.\d{1,9})$/.test(text) ? Number(text) : Number.NaN
  if (share >= 0) return share
  throw contradiction(`${text} is no share`, 'give 0 to 1 to --decision-log-share: 0.01 is every hundredth')
}

async function idKey(path: string): Promise<string> {
  const key = await textOf(path)
  if (key.length >= keyLengthMin) return key
  throw contradiction(
    `the key in ${path} has fewer than ${keyLengthMin} characters, so that ids can be guessed`,
    `make one: openssl rand -hex 32 > ${path}`,
  )
}

function contradiction(what: string, fix: string): Failure {
  return new Failure(what, { exitCode: 2, fix })
}
