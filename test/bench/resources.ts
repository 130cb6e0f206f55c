// Resources told of by an API, as many as asked for, to a server of its own: how fast, how much memory, and whether
// looking at one, listing some and asking which a key may reach stay as quick as with a few.
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { importService, type Node, operatorOf, type Place, startNode, tokenFor } from './deployment.ts'
import { processorSeconds } from './processor-seconds.ts'
import { quantile, type Row } from './table.ts'

const document = {
  openapi: '3.1.0',
  info: { title: 'Resources', version: '1' },
  servers: [{ url: 'https://api.bench.example' }],
  paths: {
    '/clusters/{cluster}': {
      get: {
        operationId: 'getCluster',
        parameters: [{ name: 'cluster', in: 'path', required: true, schema: { type: 'string' } }],
        responses: { 200: { description: 'It.' } },
      },
    },
  },
  'x-latchkey-roles': {
    reader: {
      description: 'Reads',
      grantable: true,
      allow: [{ operations: ['getCluster'], where: "$resourceTags:env = 'dev'" }],
    },
  },
}
const organizationCount = 10
const stretches = 10
/** The server lets no request take longer than a minute. */
const streamLengthMax = 5_000
const looks = 200
const factsAskedAtOnce = 100

export async function measureResources(place: Place, count: number): Promise<readonly Row[]> {
  const node = await startNode(place)
  const operator = await operatorOf(place, node)
  await importService(operator, 'bench', JSON.stringify(document))
  await operator.call('PATCH', `/organizations/${operator.organizationId}/services/bench`, {
    resources: 'latchkey',
  })
  const organizations: string[] = []
  for (let i = 0; i < organizationCount; i++)
    organizations.push(String((await operator.call('POST', '/organizations', { name: `Owner ${i}` }))['id']))
  const makeKey = (organization: string, body: object) =>
    operator.call('POST', `/organizations/${organization}/keys`, { name: 'bench', ...body })
  const guard = { service: 'latchkey', role: 'guard', guards_service: 'bench' }
  const guardKey = await makeKey(operator.organizationId, guard)
  const token = () =>
    tokenFor(`${node.origin}/latchkey`, String(guardKey['id']), String(guardKey['client_secret']))
  const [first = ''] = organizations
  const key = await makeKey(first, { service: 'bench', role: 'reader' })

  const rates: number[] = []
  const perProcessorSecond: number[] = []
  const began = performance.now()
  for (let done = 0; done < stretches; done++) {
    const [from, used] = [performance.now(), processorSeconds(node.pid)]
    const length = Math.round(count / stretches)
    for (let sent = 0; sent < length; sent += streamLengthMax) {
      const some = Math.min(streamLengthMax, length - sent)
      await register(node, await token(), linesFrom(organizations, done * length + sent, some), some)
    }
    rates.push(length / ((performance.now() - from) / 1_000))
    perProcessorSecond.push(length / (processorSeconds(node.pid) - used))
  }
  const seconds = (performance.now() - began) / 1_000
  const peak = memoryMiB(node, 'VmHWM')
  const ask = asking(node, await token())
  const facts = await timed(() => {
    const some = Array.from({ length: factsAskedAtOnce }, () => Math.floor(Math.random() * count))
    return ask('POST', '/bench/facts', { resources: some.map((i) => `/clusters/{c${i}}`) })
  })
  const one = await timed(() =>
    ask('GET', `/bench/resources?path=/clusters/c${Math.floor(Math.random() * count)}`),
  )
  const pages = await reachablePages((query) =>
    ask('GET', `/bench/resources/reachable?principal=${key['id']}${query}`),
  )
  await node.stop()
  const n = count.toLocaleString('en')
  const ms = (samples: readonly number[]) =>
    `p50 ${quantile(samples, 0.5).toFixed(1)} ms, p99 ${quantile(samples, 0.99).toFixed(1)} ms`
  const row = (what: string, figure: string): Row => ({
    what: `${what}, ${n} resources, ${place.name}`,
    figure,
  })
  return [
    row(
      'registered as a stream',
      `${Math.round(count / seconds)}/s; by tenths ${rates.map(Math.round).join(', ')}; server up to ${peak} MiB`,
    ),
    // What a machine does beside it slows the first figure, and leaves this one.
    row(
      "registered in a second of the server's processor time",
      `by tenths ${perProcessorSecond.map(Math.round).join(', ')}`,
    ),
    row('one looked up over HTTP', ms(one)),
    row(`${factsAskedAtOnce} facts at once`, ms(facts)),
    row(
      'page of 50 that a key may reach',
      `first ${ms(pages.first)}; of all ${pages.count} pages ${ms(pages.all)}`,
    ),
  ]
}

/** As JSON lines. One in a hundred is shared with the first owner; half are of `env: dev`. */
function* linesFrom(organizations: readonly string[], from: number, count: number): Generator<string> {
  const [first = ''] = organizations
  for (let i = from; i < from + count; i++) {
    const tags = {
      env: [i % 2 === 0 ? 'dev' : 'prod'],
      team: [`t${i % 100}`],
      ...(i % 100 === 2 ? { 'access-tag:GET:*': [first] } : {}),
    }
    const organization = organizations[Math.floor(i / 2) % organizations.length]
    yield `${JSON.stringify({ path: `/clusters/c${i}`, organization, tags })}\n`
  }
}

/** Sends all, reading the answers meanwhile; throws unless each one is registered. */
function register(node: Node, token: string, lines: Iterable<string>, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const sending = request(
      `${node.listensAt}/bench/resources/stream`,
      {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
      },
      (answer) => {
        let rest = ''
        let answered = 0
        answer.setEncoding('utf8').on('data', (text: string) => {
          const parts = (rest + text).split('\n')
          rest = parts.pop() ?? ''
          const bad = parts.find((line) => !line.startsWith('{"outcome":"registered"'))
          if (bad !== undefined) reject(new Error(`not registered: ${bad}`))
          answered += parts.length
        })
        const isDone = () => (answered === count ? resolve() : reject(new Error(`${answered} were answered`)))
        answer.once('end', isDone).once('error', reject)
      },
    )
    sending.once('error', reject)
    Readable.from(lines).pipe(sending)
  })
}

function asking({ listensAt }: Node, token: string) {
  return async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const answer = await fetch(listensAt + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as Record<string, unknown>
  }
}

async function timed(work: () => Promise<unknown>): Promise<readonly number[]> {
  const samples: number[] = []
  for (let i = 0; i < looks; i++) {
    const from = performance.now()
    await work()
    samples.push(performance.now() - from)
  }
  return samples
}

async function reachablePages(page: (query: string) => Promise<Record<string, unknown>>) {
  const first: number[] = []
  const all: number[] = []
  for (let i = 0; i < looks / 10; i++) {
    const from = performance.now()
    await page('')
    first.push(performance.now() - from)
  }
  let cursor: unknown
  do {
    const from = performance.now()
    cursor = (await page(typeof cursor === 'string' ? `&cursor=${cursor}` : ''))['next_cursor']
    all.push(performance.now() - from)
  } while (typeof cursor === 'string' && all.length < looks * 5)
  return { first, all, count: all.length }
}

function memoryMiB({ pid }: Node, of: 'VmHWM'): number | string {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Math.round(Number(new RegExp(`${of}:\\s+(\\d+) kB`).exec(text)?.[1]) / 1_024)
  } catch {
    // Only Linux tells it there.
    return 'unknown'
  }
}
