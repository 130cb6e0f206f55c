// Two servers of the same kind of work, driven in turns by one sender, each side on a core of its own.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { endsWithUs } from './deployment.ts'
import type { LoadOptions, LoadResult, Work } from './load.ts'
import { quantile, type Row } from './table.ts'

export const connections = 32
const turnSeconds = 1
/** Turns of each for each second that was asked for. */
const turnsPerSecond = 4
const serverCore = 0
const loadCore = 1

export const canPin = spawnSync('taskset', ['-c', '0', 'true']).status === 0
/** The core that is measured; `undefined` where nothing can be pinned. */
export const serverCpu = canPin ? serverCore : undefined

export interface Load {
  drive(work: Work, seconds: number): Promise<LoadResult>
  stop(): void
}

export function startLoad(): Load {
  const child = onCore(loadCore, 'load.ts', 'pipe')
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new Error('the sender of load has no pipes')
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
  return {
    drive: async (work, seconds) => {
      const options: LoadOptions = { work, seconds, connections }
      stdin.write(`${JSON.stringify(options)}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error('the sender of load ended')
      return JSON.parse(value) as LoadResult
    },
    stop: () => child.kill('SIGTERM'),
  }
}

/** A file of this folder as a process of its own, on the core that is measured. */
export function onServerCore(file: string, ...args: readonly string[]): ChildProcess {
  return onCore(serverCore, file, 'ignore', args)
}

function onCore(
  core: number,
  file: string,
  stdin: 'ignore' | 'pipe',
  args: readonly string[] = [],
): ChildProcess {
  const script = [join(import.meta.dirname, file), ...args]
  const [command, all] = canPin
    ? ['taskset', ['-c', String(core), process.execPath, ...script]]
    : [process.execPath, script]
  return endsWithUs(
    spawn(command, all, {
      stdio: [stdin, 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'], NODE_ENV: 'production' },
    }),
  )
}

export interface Compared {
  readonly bare: readonly LoadResult[]
  readonly ours: readonly LoadResult[]
}

/**
 * In short turns, so that a machine whose speed drifts does so for both. Before them both are driven for `seconds`, which
 * does not count.
 */
export async function inTurns(
  load: Load,
  works: { bare: Work; ours: Work },
  seconds: number,
): Promise<Compared> {
  const next = { ...works }
  const turn = async (side: 'bare' | 'ours', seconds: number) => {
    const work = next[side]
    const result = await load.drive(work, seconds)
    if (work.kind === 'refreshes') next[side] = { ...work, refreshTokens: result.refreshTokens ?? [] }
    return result
  }
  await turn('bare', seconds)
  await turn('ours', seconds)
  const compared: { bare: LoadResult[]; ours: LoadResult[] } = { bare: [], ours: [] }
  for (let i = 0; i < seconds * turnsPerSecond; i++) {
    compared.bare.push(await turn('bare', turnSeconds))
    compared.ours.push(await turn('ours', turnSeconds))
  }
  return compared
}

/** @param ratioMin what ours must reach of the bare library; without one there is only: no errors */
export function comparedRow(what: string, { bare, ours }: Compared, ratioMin: number | undefined): Row {
  const ratio = median(ours.map((mine, i) => mine.perSecond / (bare[i]?.perSecond ?? Number.NaN)))
  const errors = [...bare, ...ours].reduce((sum, result) => sum + result.errors, 0)
  const perSecond = (results: readonly LoadResult[]) =>
    Math.round(median(results.map((one) => one.perSecond)))
  const p = (pick: (one: LoadResult) => number) => median(ours.map(pick))
  return {
    what: `${what}, ${connections} connections`,
    figure:
      `${ratio.toFixed(2)} of the bare library (${perSecond(ours)}/s to ${perSecond(bare)}/s; ` +
      `p50 ${p((one) => one.p50Ms)} ms, p99 ${p((one) => one.p99Ms)} ms, errors ${errors})`,
    bar: ratioMin === undefined ? 'errors 0' : `≥ ${ratioMin}, errors 0`,
    met: ratio >= (ratioMin ?? 0) && errors === 0,
  }
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}
