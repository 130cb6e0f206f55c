// Sends requests from a process of its own, so that the load and the server do not share a core. It stays up between
// measurements: a fresh one would spend much of the first seconds on compiling itself.
// Each line of standard input, LoadOptions as JSON → a line of JSON, a LoadResult
import { createInterface } from 'node:readline'
import autocannon from 'autocannon'
import { type CodeFlows, flowsOf, type Refreshes, refreshesOf } from './load-flows.ts'
import { repeat } from './repeat.ts'

/** One is drawn at random each time; every right answer is a 200. */
export interface Drawn {
  readonly kind: 'drawn'
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly requests: readonly { readonly headers: Record<string, string>; readonly body?: string }[]
  /** Instead of drawing for so many seconds: each once, in order, to warm what is kept of each. */
  readonly eachOnce?: true
  /** Instead of drawing: each connection sends them in order, built once, so that the sender keeps up with a fast server. */
  readonly inOrder?: true
  /** Where the server listens, if not at the address: a Unix socket. */
  readonly socketPath?: string
}

export type Work = Drawn | CodeFlows | Refreshes

export interface LoadOptions {
  readonly work: Work
  readonly seconds: number
  readonly connections: number
}

export interface LoadResult {
  /** Requests; of flows, whole ones. */
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Wrong answers, and connections that failed. */
  readonly errors: number
  /** What the next turn begins with. */
  readonly refreshTokens?: readonly string[]
}

async function load({ work, seconds, connections }: LoadOptions): Promise<LoadResult> {
  switch (work.kind) {
    case 'drawn':
      return await drawn(work, seconds, connections)
    case 'code_flows':
      return await repeat(flowsOf(work, connections), connections, seconds)
    case 'refreshes': {
      const { refresh, newest } = refreshesOf(work, connections)
      return { ...(await repeat(refresh, connections, seconds)), refreshTokens: newest }
    }
    default:
      throw new Error(`unknown work: ${work satisfies never}`)
  }
}

async function drawn(
  { url, method, requests, eachOnce, inOrder, socketPath }: Drawn,
  seconds: number,
  connections: number,
): Promise<LoadResult> {
  let next = 0
  const draw = () => {
    const at = eachOnce ? next++ : Math.floor(Math.random() * requests.length)
    return requests[at % requests.length] ?? { headers: {} }
  }
  const { headers, body } = draw()
  const result = await autocannon({
    ...{ url, method, headers, connections, ...(body !== undefined && { body }) },
    ...(socketPath !== undefined && { socketPath }),
    ...(eachOnce ? { amount: requests.length + connections } : { duration: seconds }),
    ...(inOrder && { requests: requests.map((one) => ({ ...one })) }),
    ...(requests.length > 1 &&
      !inOrder && {
        setupClient: (client) =>
          client.on('response', () => {
            const { headers, body } = draw()
            if (body === undefined) client.setHeaders(headers)
            else client.setHeadersAndBody(headers, body)
          }),
      }),
  })
  return {
    perSecond: result.requests.total / result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    errors: result.non2xx + result.errors + result.timeouts,
  }
}

if (process.argv[1] === import.meta.filename) {
  for await (const line of createInterface({ input: process.stdin }))
    console.log(JSON.stringify(await load(JSON.parse(line) as LoadOptions)))
}
