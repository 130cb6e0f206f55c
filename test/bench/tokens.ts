// Machine tokens through the whole server, beside the bare library, in turns within one run.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { importService, type Node, operatorOf, type Place, said, seedKeys, startNode } from './deployment.ts'
import { largeDocument } from './large-document.ts'
import type { LoadOptions, LoadResult } from './load.ts'
import { quantile, type Row } from './table.ts'

const connections = 32
const rounds = 3
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
  const bare = await startBare()
  const rows: Row[] = []
  for (const place of places) {
    const node = await startNode(place, canPin ? serverCpu : undefined)
    const idle = residentMegabytes(node.pid)
    const { one, many } = await prepare(place, node)
    for (const [keys, candidate] of [
      ['one key', one],
      ['10,000 keys at random', many],
    ] as const) {
      rows.push(rowOf(place, keys, await inTurns(bare.candidate, candidate, seconds)))
    }
    rows.push({
      what: `resident memory, ${place.name}: idle; after that load`,
      figure: `${idle} MB; ${residentMegabytes(node.pid)} MB`,
      ...(place.name === 'SQLite' ? { bar: 'idle < 120 MB', met: idle < 120 } : {}),
    })
    await node.stop()
  }
  bare.stop()
  return rows
}

async function startBare(): Promise<{ candidate: Candidate; stop: () => void }> {
  const script = join(import.meta.dirname, 'bare-provider.ts')
  const child = pinned(serverCpu, [script])
  const line = await said(child, 'tokenEndpoint')
  const { tokenEndpoint, clientId, secret } = JSON.parse(line) as Record<string, string>
  const candidate = { url: tokenEndpoint ?? '', clients: [`${clientId}:${secret}`] }
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

/** In turns, so that a machine whose speed drifts does so for both; the first turn warms up and does not count. */
async function inTurns(bare: Candidate, ours: Candidate, seconds: number): Promise<Compared> {
  const compared: { bare: LoadResult[]; ours: LoadResult[] } = { bare: [], ours: [] }
  await drive({ ...ours, eachOnce: true }, seconds)
  for (let round = 0; round <= rounds; round++) {
    const [theirs, mine] = [await drive(bare, seconds), await drive(ours, seconds)]
    if (round > 0) {
      compared.bare.push(theirs)
      compared.ours.push(mine)
    }
  }
  return compared
}

async function drive({ url, clients, eachOnce }: Candidate, seconds: number): Promise<LoadResult> {
  const child = pinned(loadCpu, [join(import.meta.dirname, 'load.ts')], 'pipe')
  const options: LoadOptions = { url, clients, seconds, connections, ...(eachOnce ? { eachOnce } : {}) }
  const line = said(child, 'perSecond')
  child.stdin?.end(JSON.stringify(options))
  return JSON.parse(await line) as LoadResult
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

function rowOf(place: Place, keys: string, { bare, ours }: Compared): Row {
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
    bar: `≥ ${barRatio}, errors 0`,
    met: ratio >= barRatio && errors === 0,
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
