// Sends token requests from a process of its own, so that the load and the server do not share a core. It stays up between
// measurements: a fresh one would spend much of the first seconds on compiling itself.
// Each line of standard input, LoadOptions as JSON → a line of JSON, a LoadResult
import { createInterface } from 'node:readline'
import autocannon from 'autocannon'

export interface LoadOptions {
  readonly url: string
  readonly seconds: number
  /** Instead of drawing for so many seconds: each client once, in order, to warm what is kept of each. */
  readonly eachOnce?: true
  readonly connections: number
  /** `id:secret` of each client; one is drawn at random for each request. */
  readonly clients: readonly string[]
}

export interface LoadResult {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers other than 200, and connections that failed. */
  readonly errors: number
}

const body = 'grant_type=client_credentials'

export async function load(options: LoadOptions): Promise<LoadResult> {
  const authorizations = options.clients.map((client) => `Basic ${Buffer.from(client).toString('base64')}`)
  let next = 0
  const drawn = () => (options.eachOnce ? next++ : Math.floor(Math.random() * authorizations.length))
  const headers = () => ({
    authorization: authorizations[drawn() % authorizations.length] ?? '',
    'content-type': 'application/x-www-form-urlencoded',
  })
  const result = await autocannon({
    url: options.url,
    method: 'POST',
    body,
    headers: headers(),
    connections: options.connections,
    ...(options.eachOnce
      ? { amount: authorizations.length + options.connections }
      : { duration: options.seconds }),
    ...(authorizations.length > 1
      ? { setupClient: (client) => client.on('response', () => client.setHeaders(headers())) }
      : {}),
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
