// `latchkey guard` answering a gateway, beside a bare HTTP server, in turns within one run.
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  importService,
  type Node,
  operatorOf,
  type Place,
  said,
  seedKeys,
  startNode,
  tokenFor,
} from './deployment.ts'
import { fromNginx, guardKey, startGuardProcess } from './guard-process.ts'
import type { Drawn, LoadResult } from './load.ts'
import { processorSeconds } from './processor-seconds.ts'
import { connections, type Load, onServerCore, serverCpu, startLoad } from './side-by-side.ts'
import { quantile, type Row } from './table.ts'

const clinic = new URL('../../examples/clinic/openapi.yaml', import.meta.url)
const perCoreMin = 30_000
const callerCount = 100
const turnSeconds = 1

/** How a gateway reaches the guard. */
const ways = ['TCP', 'a Unix socket'] as const
type Way = (typeof ways)[number]

interface Server {
  readonly works: Readonly<Record<Way, Drawn>>
  readonly process: ChildProcess
}

interface Turn extends LoadResult {
  /** Requests in a second of the server's processor time: what one core does, whatever else runs beside it. */
  readonly perCore: number
}

interface Turns {
  readonly bare: Turn
  readonly guard: Turn
}

export async function measureForwardAuth(place: Place, seconds: number): Promise<readonly Row[]> {
  const node = await startNode(place)
  const headers = await askedHeaders(place, node)
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-forward-auth-'))
  const load = startLoad()
  const bare = await startBare(headers, join(folder, 'bare.sock'))
  const guard = await startGuard(place, node, headers, join(folder, 'guard.sock'))
  const rows: Row[] = []
  for (const way of ways) rows.push(rowOf(way, await turnsOf(way, load, { bare, guard }, seconds)))
  load.stop()
  for (const one of [bare, guard]) one.process.kill('SIGTERM')
  await node.stop()
  rmSync(folder, { recursive: true })
  return rows
}

async function turnsOf(
  way: Way,
  load: Load,
  { bare, guard }: Readonly<Record<'bare' | 'guard', Server>>,
  seconds: number,
): Promise<readonly Turns[]> {
  const turn = async ({ works, process: { pid = 0 } }: Server): Promise<Turn> => {
    const before = processorSeconds(pid)
    const result = await load.drive(works[way], turnSeconds)
    return { ...result, perCore: (result.perSecond * turnSeconds) / (processorSeconds(pid) - before) }
  }
  // What is compiled and cached on first use does not count.
  for (const { works } of [bare, guard]) await load.drive(works[way], seconds)
  const turns: Turns[] = []
  for (let i = 0; i < seconds; i++) turns.push({ bare: await turn(bare), guard: await turn(guard) })
  return turns
}

function rowOf(way: Way, turns: readonly Turns[]): Row {
  const median = (pick: (turn: Turns) => number) => quantile(turns.map(pick), 0.5)
  const errors = turns.reduce((sum, { bare, guard }) => sum + bare.errors + guard.errors, 0)
  const perCore = Math.round(median(({ guard }) => guard.perCore))
  return {
    what: `forward-auth of latchkey guard through ${way}, ${callerCount} callers, ${connections} connections`,
    figure:
      `${perCore}/s per core of processor time, ` +
      `${median(({ guard, bare }) => guard.perCore / bare.perCore).toFixed(2)} of a bare HTTP server ` +
      `(${Math.round(median(({ bare }) => bare.perCore))}/s); as driven ` +
      `${Math.round(median(({ guard }) => guard.perSecond))}/s to ${Math.round(median(({ bare }) => bare.perSecond))}/s, ` +
      `p99 ${median(({ guard }) => guard.p99Ms)} ms, errors ${errors}`,
    bar: `≥ ${perCoreMin}/s per core, errors 0`,
    met: perCore >= perCoreMin && errors === 0,
  }
}

/** What nginx sends for each of the callers. */
async function askedHeaders(place: Place, node: Node): Promise<readonly Record<string, string>[]> {
  const operator = await operatorOf(place, node)
  const { id: serviceId } = await importService(operator, 'clinic', readFileSync(clinic, 'utf8'))
  const { organizationId } = operator
  const clients = await seedKeys(place, { organizationId, serviceId, role: 'patients:read' }, callerCount)
  const headers: Record<string, string>[] = []
  for (const [i, client] of clients.entries()) {
    const [clientId = '', secret = ''] = client.split(':')
    const token = await tokenFor(`${node.origin}/clinic`, clientId, secret)
    headers.push(fromNginx('GET', `/patients/pat-${i}`, token))
  }
  return headers
}

async function startBare(headers: readonly Record<string, string>[], path: string): Promise<Server> {
  const child = onServerCore('bare-answer.ts', path)
  const { port } = JSON.parse(await said(child, 'port')) as { port: number }
  return { process: child, works: worksAt(`http://127.0.0.1:${port}/forward-auth`, path, headers) }
}

async function startGuard(
  place: Place,
  node: Node,
  headers: readonly Record<string, string>[],
  socketPath: string,
): Promise<Server> {
  const { secret } = await guardKey(await operatorOf(place, node), 'clinic')
  const started = await startGuardProcess({
    ...{ server: node.origin, service: 'clinic', secret, cpu: serverCpu, socketPath },
  })
  return { process: started.process, works: worksAt(started.forwardAuth, socketPath, headers) }
}

function worksAt(
  url: string,
  socketPath: string,
  headers: readonly Record<string, string>[],
): Readonly<Record<Way, Drawn>> {
  const requests = headers.map((one) => ({ headers: one }))
  const work = {
    kind: 'drawn',
    url,
    method: 'GET',
    requests,
    inOrder: true,
  } as const
  return { TCP: work, 'a Unix socket': { ...work, socketPath } }
}
