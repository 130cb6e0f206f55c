// Machine tokens through the whole server, beside the bare library, in turns within one run.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { importService, type Node, operatorOf, type Place, said, seedKeys, startNode } from './deployment.ts'
import { largeDocument } from './large-document.ts'
import type { LoadOptions, LoadResult } from './load.ts'
import { quantile, type Row } from './table.ts'

const connections = 32
const turnSeconds = 1
/** Turns of each for each second that was asked for. */
const turnsPerSecond = 4
const barRatio = 0.85
const serverCpu = 0
const loadCpu = 1

export const canPin = spawnSync('taskset', ['-c', '0', 'true']).status === 0

interface Candidate {
  readonly url: string
  readonly clients: readonly string[]
  readonly eachOnce?: true
}

export async function measureTokens(places: readonly Place[], seconds: number): Promise<readonly Row[]> {
  const load = startLoad()
  const bare = await startBare()
  const rows: Row[] = []
  for (const place of places) {
    const node = await startNode(place, canPin ? serverCpu : undefined)
    const idle = residentMegabytes(node.pid)
    const { one, many } = await prepare(place, node)
    const of = (clients: number) => ({ ...bare.candidate, clients: bare.candidate.clients.slice(0, clients) })
    for (const [keys, candidate, baseline, ratioMin] of [
      ['one key', one, of(1), barRatio],
      ['10,000 keys at random', many, bare.candidate, barRatio],
      ['10,000 keys at random (the bare library: its one client)', many, of(1), undefined],
    ] as const) {
      rows.push(rowOf(place, keys, await inTurns(load, baseline, candidate, seconds), ratioMin))
    }
    rows.push({
      what: `resident memory, ${place.name}: idle; after that load`,
      figure: `${idle} MB; ${residentMegabytes(node.pid)} MB`,
      ...(place.name === 'SQLite' ? { bar: 'idle < 120 MB', met: idle < 120 } : {}),
    })
    await node.stop()
  }
  bare.stop()
  load.stop()
  return rows
}

interface BareProvider {
  readonly tokenEndpoint: string
  readonly idPrefix: string
  readonly count: number
  readonly clientSecret: string
}

async function startBare(): Promise<{ candidate: Candidate; stop: () => void }> {
  const script = join(import.meta.dirname, 'bare-provider.ts')
  const child = pinned(serverCpu, [script])
  const line = await said(child, 'tokenEndpoint')
  const { tokenEndpoint, idPrefix, count, clientSecret } = JSON.parse(line) as BareProvider
  const clients = Array.from({ length: count }, (_, i) => `${idPrefix}${i}:${clientSecret}`)
  const candidate = { url: tokenEndpoint, clients }
  return { candidate, stop: () => child.kill('SIGTERM') }
}

async function prepare(place: Place, node: Node): Promise<{ one: Candidate; many: Candidate }> {
  const operator = await operatorOf(place, node)
  const document = JSON.parse(largeDocument(undefined).text) as object
  const roles = { reader: { description: 'Reads', grantable: true, allow: [{ operations: ['getThing0'] }] } }
  const { id } = await importService(
    operator,
    'bench',
    JSON.stringify({ ...document, 'x-latchkey-roles': roles }),
  )
  const { organizationId } = operator
  const clients = await seedKeys(place, { organizationId, serviceId: id, role: 'reader' }, 10_000)
  const url = `${node.origin}/bench/oauth/token`
  return { one: { url, clients: clients.slice(0, 1) }, many: { url, clients } }
}

interface Compared {
  readonly bare: readonly LoadResult[]
  readonly ours: readonly LoadResult[]
}

/**
 * In short turns, so that a machine whose speed drifts does so for both. Before them ours is asked for a token of each key, and
 * both are driven for `seconds`, which does not count.
 */
async function inTurns(load: Load, bare: Candidate, ours: Candidate, seconds: number): Promise<Compared> {
  const compared: { bare: LoadResult[]; ours: LoadResult[] } = { bare: [], ours: [] }
  // As many headers where the bare library has one client: drawing one costs the sender the same for both.
  const baseline = {
    ...bare,
    clients: ours.clients.map((_key, i) => bare.clients[i] ?? bare.clients[0] ?? ''),
  }
  await load.drive({ ...ours, eachOnce: true }, seconds)
  await load.drive(baseline, seconds)
  await load.drive(ours, seconds)
  for (let turn = 0; turn < seconds * turnsPerSecond; turn++) {
    compared.bare.push(await load.drive(baseline, turnSeconds))
    compared.ours.push(await load.drive(ours, turnSeconds))
  }
  return compared
}

interface Load {
  drive(candidate: Candidate, seconds: number): Promise<LoadResult>
  stop(): void
}

function startLoad(): Load {
  const child = pinned(loadCpu, [join(import.meta.dirname, 'load.ts')], 'pipe')
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new Error('the sender of load has no pipes')
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
  return {
    drive: async ({ url, clients, eachOnce }, seconds) => {
      const options: LoadOptions = { url, clients, seconds, connections, ...(eachOnce ? { eachOnce } : {}) }
      stdin.write(`${JSON.stringify(options)}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error('the sender of load ended')
      return JSON.parse(value) as LoadResult
    },
    stop: () => child.kill('SIGTERM'),
  }
}

function pinned(cpu: number, args: readonly string[], stdin: 'ignore' | 'pipe' = 'ignore'): ChildProcess {
  const [command, all] = canPin
    ? ['taskset', ['-c', String(cpu), process.execPath, ...args]]
    : [process.execPath, [...args]]
  return spawn(command, all, {
    stdio: [stdin, 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], NODE_ENV: 'production' },
  })
}

function rowOf(place: Place, keys: string, { bare, ours }: Compared, ratioMin: number | undefined): Row {
  const ratios = ours.map((mine, i) => mine.perSecond / (bare[i]?.perSecond ?? Number.NaN))
  const ratio = median(ratios)
  const errors = [...bare, ...ours].reduce((sum, result) => sum + result.errors, 0)
  const perSecond = (results: readonly LoadResult[]) =>
    Math.round(median(results.map((one) => one.perSecond)))
  const p = (pick: (one: LoadResult) => number) => median(ours.map(pick))
  return {
    what: `machine tokens, ${place.name}, ${keys}, ${connections} connections`,
    figure:
      `${ratio.toFixed(2)} of the bare library (${perSecond(ours)}/s to ${perSecond(bare)}/s; ` +
      `p50 ${p((one) => one.p50Ms)} ms, p99 ${p((one) => one.p99Ms)} ms, errors ${errors})`,
    ...(ratioMin !== undefined && {
      bar: `≥ ${ratioMin}, errors 0`,
      met: ratio >= ratioMin && errors === 0,
    }),
  }
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Of one process, from `/proc`; NaN where there is none. */
function residentMegabytes(pid: number): number {
  try {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Math.round(Number(kilobytes) / 1024)
  } catch {
    return Number.NaN
  }
}
