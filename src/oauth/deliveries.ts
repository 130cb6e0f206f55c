import { setTimeout as wait } from 'node:timers/promises'

/** Posts to apps that nobody waits for. */
export interface Deliveries {
  /**
   * Posts the form, and again a little later if it was not taken. Never throws.
   * @param make the form, made anew for each try
   */
  post(url: string, make: () => Promise<URLSearchParams>): void
  /** Finds out, afterwards, what is to be posted to whom. Never throws. */
  prepare(work: () => Promise<void>): void
  /** Tries nothing again, and waits a few seconds for what is under way. */
  close(): Promise<void>
}

interface Options {
  readonly fetch: typeof fetch
  /** Told of each that was given up. `host` is the app's. */
  readonly onGivenUp: (host: string, why: string) => void
  /** Told of faults of ours. */
  readonly onFault: (cause: unknown) => void
  readonly retryAfterMs?: readonly number[]
  /** For one host; so that one that is slow holds up nobody else. */
  readonly atOnceMax?: number
  /** Waiting and under way, in all; what is more is given up. */
  readonly heldMax?: number
  /** The same for one host, so that one that is slow does not use all of it up. */
  readonly heldOfHostMax?: number
  readonly closingMsMax?: number
}

interface Post {
  readonly url: string
  readonly host: string
  readonly make: () => Promise<URLSearchParams>
}

/** What was said of one try: taken, refused for good, or not now. */
type Answer = { readonly kind: 'taken' } | { readonly kind: 'refused' | 'not_now'; readonly why: string }

export function createDeliveries(options: Options): Deliveries {
  const { onGivenUp, retryAfterMs = [2_000, 15_000], atOnceMax = 4, heldMax = 10_000 } = options
  const { heldOfHostMax = 1_000, closingMsMax = 6_000 } = options
  const waiting = new Map<string, Post[]>()
  const underWay = new Map<string, Set<Promise<void>>>()
  const prepared = new Set<Promise<void>>()
  const closing = new AbortController()
  let held = 0

  async function deliver({ url, host, make }: Post): Promise<void> {
    for (const waitMs of [...retryAfterMs, undefined]) {
      const answer = await once(options.fetch, url, make)
      if (answer.kind === 'taken') return
      const isOver = answer.kind === 'refused' || waitMs === undefined
      if (isOver || (await isClosedWithin(waitMs, closing.signal))) {
        onGivenUp(host, answer.why)
        return
      }
    }
  }

  function begin(post: Post): void {
    const { host } = post
    const ofHost = underWay.get(host) ?? new Set()
    underWay.set(host, ofHost)
    const work = deliver(post).finally(() => {
      held -= 1
      ofHost.delete(work)
      const next = waiting.get(host)?.shift()
      if (next !== undefined) begin(next)
      else if (ofHost.size === 0) {
        waiting.delete(host)
        underWay.delete(host)
      }
    })
    ofHost.add(work)
  }

  function refusalOf(host: string): string | undefined {
    if (closing.signal.aborted) return 'the server is closing'
    if (held >= heldMax) return 'too much is waiting'
    const heldOfHost = (underWay.get(host)?.size ?? 0) + (waiting.get(host)?.length ?? 0)
    return heldOfHost >= heldOfHostMax ? 'too much is waiting for this host' : undefined
  }

  return {
    post: (url, make) => {
      const { host } = new URL(url)
      const why = refusalOf(host)
      if (why !== undefined) {
        onGivenUp(host, why)
        return
      }
      held += 1
      const post = { url, host, make }
      if ((underWay.get(host)?.size ?? 0) < atOnceMax) begin(post)
      else {
        const ofHost = waiting.get(host) ?? []
        waiting.set(host, ofHost)
        ofHost.push(post)
      }
    },
    prepare: (work) => {
      const done = work()
        .catch(options.onFault)
        .finally(() => prepared.delete(done))
      prepared.add(done)
    },
    close: async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, closingMsMax)
      const all = async () => {
        await Promise.all(prepared)
        closing.abort()
        while (underWay.size > 0) await Promise.all([...underWay.values()].flatMap((some) => [...some]))
      }
      await Promise.race([all(), promise])
      closing.abort()
      clearTimeout(timer)
    },
  }
}

async function once(
  outgoing: typeof fetch,
  url: string,
  make: () => Promise<URLSearchParams>,
): Promise<Answer> {
  try {
    const body = await make()
    const { status } = await outgoing(url, { method: 'POST', redirect: 'manual', body })
    if (status === 200 || status === 204) return { kind: 'taken' }
    // Back-Channel Logout 1.0 §2.8: 400 is said by who has understood; trying again changes nothing.
    return { kind: status >= 500 || status === 429 ? 'not_now' : 'refused', why: `it answered ${status}` }
  } catch (cause) {
    return { kind: 'not_now', why: cause instanceof Error ? cause.message : 'it could not be reached' }
  }
}

/** A wait that is over leaves nothing behind at the signal, which lives as long as the process. */
function isClosedWithin(ms: number, signal: AbortSignal): Promise<boolean> {
  return wait(ms, false, { signal, ref: false }).catch(() => true)
}
