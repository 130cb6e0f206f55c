// Decisions by role, owner and two tags: Latchkey beside other engines, which have to answer alike before they are measured.
import { byHand } from './rivals/by-hand.ts'
import { casbin } from './rivals/casbin.ts'
import { casl } from './rivals/casl.ts'
import { cedar } from './rivals/cedar.ts'
import { latchkey } from './rivals/latchkey.ts'
import { opa } from './rivals/opa.ts'
import type { Rival } from './rivals/rival.ts'
import { connections, startLoad } from './side-by-side.ts'
import { quantile, type Row } from './table.ts'
import {
  requestsTo,
  type TaggedWorld,
  taggedWorld,
  type WorldRequest,
  type WorldSize,
} from './tagged-world.ts'

const size: WorldSize = { roles: 100, resources: 100_000 }
const larger: readonly WorldSize[] = [
  { roles: 10_000, resources: 100_000 },
  { roles: 100, resources: 1_000_000 },
  { roles: 10_000, resources: 1_000_000 },
]
const sharedCases = 2_000
/** So many that their data are in the processor's nearer caches: a server's memory is slower or faster than another's. */
const requestCount = 1_000
const turns = 5
const turnMs = 300
const httpSeconds = 3
const perSecondMin = 3e6
const p99Max = 1

export async function measureTagged(): Promise<readonly Row[]> {
  const world = taggedWorld(size)
  const ours = latchkey(world)
  const rivals = [await byHand(world), await casl(world), await cedar(world), await casbin(world)]
  const compared = comparedAnswers(ours, rivals, requestsTo(world, sharedCases))
  const speeds = speedsOf([ours, ...rivals], requestsTo(world, requestCount))
  const [own, ...others] = speeds
  const [hand] = others
  if (own === undefined || hand === undefined) throw new Error('nothing was measured')
  const ofOpa = await rowOfOpa(world, ours)
  const ofSizes: Row[] = []
  for (const one of larger) ofSizes.push(await rowOfSize(one, own, hand))
  return [
    compared,
    {
      ...ownRow(own, size),
      bar: '≥ 3 M/s, p99 < 1 µs',
      met: own.perSecond >= perSecondMin && own.p99 < p99Max,
    },
    ...others.map((other) => ({
      what: `the same decisions: ${other.name}`,
      figure: `${figureOf(other)}; Latchkey is ${times(own.perSecond / other.perSecond)} as fast`,
    })),
    ofOpa,
    ...ofSizes,
  ]
}

/** It is asked over HTTP, as it is used; so it stands beside `decide` over HTTP rather than beside what runs in a process. */
async function rowOfOpa(world: TaggedWorld, ours: Rival): Promise<Row> {
  const what = 'the same decisions over HTTP: OPA'
  const asked = await opa(world)
  if (asked === undefined) return { what, figure: 'skipped: there is no `opa` on the path' }
  for (const request of requestsTo(world, sharedCases))
    checkSame(asked.name, await asked.allows(request), ours.allows(request), request)
  const load = startLoad()
  const requests = requestsTo(world, requestCount).map((request) => ({
    headers: { 'content-type': 'application/json' },
    body: asked.bodyOf(request),
  }))
  const work = { kind: 'drawn', url: asked.url, method: 'POST', requests } as const
  await load.drive(work, httpSeconds)
  const { perSecond, p50Ms, p99Ms, errors } = await load.drive(work, httpSeconds)
  load.stop()
  await asked.stop()
  return {
    what: `the same decisions over HTTP, ${connections} connections: ${asked.name}`,
    figure: `${Math.round(perSecond)}/s, p50 ${p50Ms} ms, p99 ${p99Ms} ms, errors ${errors}; the same answers to ${sharedCases}`,
    bar: 'errors 0',
    met: errors === 0,
  }
}

/** @throws {Error} where a rival answers another than ours: what does not decide the same is not compared */
function comparedAnswers(ours: Rival, rivals: readonly Rival[], requests: readonly WorldRequest[]): Row {
  let allowed = 0
  for (const request of requests) {
    const answer = ours.allows(request)
    if (answer) allowed++
    for (const rival of rivals) checkSame(rival.name, rival.allows(request), answer, request)
  }
  if (allowed === 0 || allowed === requests.length)
    throw new Error('the shared cases do not tell engines apart')
  return {
    what: `the same answers: Latchkey, ${rivals.map(({ name }) => name).join(', ')}`,
    figure: `all of ${requests.length} shared cases, ${allowed} of them allowed`,
    bar: 'all',
    met: true,
  }
}

/** @throws {Error} for another answer than ours */
function checkSame(name: string, answer: boolean, ours: boolean, request: WorldRequest): void {
  if (answer === ours) return
  const { caller, method, path } = request
  throw new Error(`${name} answers ${answer}, Latchkey ${ours}: ${caller.id} ${method} ${path}`)
}

interface Speed {
  readonly name: string
  readonly perSecond: number
  /** Microseconds, the clock's own cost included. */
  readonly p50: number
  readonly p99: number
}

/** In turns, so that a machine whose speed drifts does so for all. */
function speedsOf(several: readonly Rival[], requests: readonly WorldRequest[]): readonly Speed[] {
  const perSecond = several.map((): number[] => [])
  for (const one of several) throughput(one, requests)
  for (let turn = 0; turn < turns; turn++)
    for (const [i, one] of several.entries()) perSecond[i]?.push(throughput(one, requests))
  return several.map((one, i) => {
    const samples = timed(one, requests)
    const [p50, p99] = [quantile(samples, 0.5), quantile(samples, 0.99)]
    return { name: one.name, perSecond: quantile(perSecond[i] ?? [], 0.5), p50, p99 }
  })
}

/** The clock is looked at now and then only. */
const lookEvery = 100

function throughput(one: Rival, requests: readonly WorldRequest[]): number {
  let done = 0
  const began = performance.now()
  const until = began + turnMs
  for (;;)
    for (const request of requests) {
      one.allows(request)
      if (++done % lookEvery !== 0) continue
      const now = performance.now()
      if (now >= until) return (done / (now - began)) * 1_000
    }
}

/** Microseconds of single decisions. */
function timed(one: Rival, requests: readonly WorldRequest[]): readonly number[] {
  const samples: number[] = []
  const until = performance.now() + turnMs
  while (performance.now() < until)
    for (const request of requests) {
      const start = process.hrtime.bigint()
      one.allows(request)
      samples.push(Number(process.hrtime.bigint() - start) / 1_000)
      if (performance.now() >= until) break
    }
  return samples
}

function ownRow(own: Speed, { roles, resources }: WorldSize): Row {
  return {
    what: `decisions by role, owner and two tags: ${roles.toLocaleString('en')} roles of 20 statements, ${resources.toLocaleString('en')} resources`,
    figure: figureOf(own),
  }
}

function figureOf({ perSecond, p50, p99 }: Speed): string {
  const speed = perSecond >= 1e5 ? `${(perSecond / 1e6).toFixed(2)} M/s` : `${Math.round(perSecond)}/s`
  return `${speed}, p50 ${p50.toFixed(2)} µs, p99 ${p99.toFixed(2)} µs`
}

function times(ratio: number): string {
  return `${ratio >= 10 ? Math.round(ratio) : ratio.toFixed(2)} times`
}

/** Beside what is written by hand: a processor's caches hold less of a larger world, whoever decides. */
async function rowOfSize(one: WorldSize, own: Speed, hand: Speed): Promise<Row> {
  const world = taggedWorld(one)
  const [speed, byHands] = speedsOf([latchkey(world), await byHand(world)], requestsTo(world, requestCount))
  if (speed === undefined || byHands === undefined) throw new Error('nothing was measured')
  const { what, figure } = ownRow(speed, one)
  const kept = (now: Speed, before: Speed) => (now.perSecond / before.perSecond).toFixed(2)
  return {
    what,
    figure: `${figure}; ${kept(speed, own)} of the first world's speed (by hand: ${kept(byHands, hand)})`,
  }
}
