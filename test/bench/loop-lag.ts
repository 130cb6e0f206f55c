// Loaded first by a server that is measured: how late its timers are. Each message is answered with what was since `begin`;
// `begin` then begins anew.
import { quantile } from './table.ts'

export interface Lag {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** What the loop's own thread worked between two timers: without the waiting for a core that others have. */
  readonly workedP99Ms: number
}

const everyMs = 2

let lags: number[] = []
let worked: number[] = []
let last = performance.now()
let spent = process.threadCpuUsage()

function tick(): void {
  const now = performance.now()
  // Whoever comes during a standstill waits for what is left of it: each moment counts alike.
  for (let late = now - last - everyMs; late > 0; late -= everyMs) lags.push(late)
  last = now
  const before = spent
  spent = process.threadCpuUsage()
  worked.push((spent.user - before.user + spent.system - before.system) / 1_000)
  setTimeout(tick, everyMs).unref()
}
tick()

process.on('message', (question) => {
  const answer: Lag = {
    p50Ms: quantile(lags, 0.5),
    p99Ms: quantile(lags, 0.99),
    maxMs: quantile(lags, 1),
    workedP99Ms: quantile(worked, 0.99),
  }
  if (question === 'begin') {
    lags = []
    worked = []
  }
  process.send?.(answer)
})
process.channel?.unref()
