// Loaded first by a server that is measured: how late its timers are. Each message is answered with what was since `begin`;
// `begin` then begins anew.
import { quantile } from './table.ts'

export interface Lag {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const everyMs = 2

let lags: number[] = []
let last = performance.now()

function tick(): void {
  const now = performance.now()
  // Whoever comes during a standstill waits for what is left of it: each moment counts alike.
  for (let late = now - last - everyMs; late > 0; late -= everyMs) lags.push(late)
  last = now
  setTimeout(tick, everyMs).unref()
}
tick()

process.on('message', (question) => {
  const answer: Lag = {
    p50Ms: quantile(lags, 0.5),
    p99Ms: quantile(lags, 0.99),
    maxMs: quantile(lags, 1),
  }
  if (question === 'begin') lags = []
  process.send?.(answer)
})
process.channel?.unref()
