import type { MonotonicClock } from '../clock.ts'
import type { ChangeRow, Changes, Position } from './ports.ts'

/** Follows `Changes` from the moment it was made, on one node. */
export interface Feed {
  /** All rows up to it have been given to every listener. */
  position(): Position
  /** Milliseconds since the last completed read of `Changes` began: all that was committed before then is known here. */
  ageMs(): number
  /** Calls with every row, in order. A listener must not throw: it would get the row again. Returns how to stop. */
  onRow(listener: (row: ChangeRow) => void): () => void
  /** Calls when rows were forgotten before they were read: whoever follows must drop what it holds. Returns how to stop. */
  onReset(listener: () => void): () => void
  /** Reads now; when it resolves, every commit that had returned before the call is known here. Rejects as `Changes` does. */
  catchUp(): Promise<void>
  /** Reads no more, and `catchUp` rejects; resolves when a read under way has ended. */
  stop(): Promise<void>
}

interface FeedOptions {
  readonly changes: Changes
  readonly monotonic: MonotonicClock
}

/** A node whose feed is older than that does not believe what it holds, and says so. */
export const feedAgeMsMax = 5_000

/** The pause between reads when no bell rings. */
const everyMs = 250
/** A store that fails is asked again at this pace at the least: the second within which a change is seen begins there. */
const backOffMsMax = 1_000
const rowsMax = 500

/** @throws {DomainError} `store_unavailable`, if the head cannot be read; from then on a failing store only makes the feed older. */
export async function followFeed({ changes, monotonic }: FeedOptions): Promise<Feed> {
  const rowListeners = new Set<(row: ChangeRow) => void>()
  const resetListeners = new Set<() => void>()
  let readAt = monotonic()
  let position = await changes.head()
  let pauseMs = everyMs
  let timer: NodeJS.Timeout | undefined
  let underWay: Promise<void> | undefined
  let next: Promise<void> | undefined
  let stopped = false

  async function readAll(): Promise<void> {
    const beganAt = monotonic()
    for (let more = true; more; ) {
      if (stopped) throw new Error('the feed was stopped')
      const { rows, gap } = await changes.read(position, rowsMax)
      if (gap) {
        // The head first: what is loaded after the reset is then at least as new as the position.
        const head = await changes.head()
        for (const listener of resetListeners) listener()
        position = head
      }
      for (const row of gap ? [] : rows) {
        for (const listener of rowListeners) listener(row)
        position = row.position
      }
      more = gap || rows.length === rowsMax
    }
    readAt = beganAt
  }

  /** One read at a time; the timer begins anew after each, later and later while the store fails. */
  async function read(): Promise<void> {
    clearTimeout(timer)
    try {
      await readAll()
      pauseMs = everyMs
    } catch (error) {
      pauseMs = Math.min(pauseMs * 2, backOffMsMax)
      throw error
    } finally {
      underWay = undefined
      if (!stopped) timer = setTimeout(readSoon, pauseMs).unref()
    }
  }

  /** A read that begins after the call: callers while one is under way share the next. */
  function catchUp(): Promise<void> {
    if (underWay === undefined) {
      underWay = read()
      return underWay
    }
    next ??= underWay
      .catch(() => undefined)
      .then(() => {
        next = undefined
        return catchUp()
      })
    return next
  }

  function readSoon(): void {
    // Who follows learns of a failing store by `ageMs`; the timer is set again whatever comes.
    if (!stopped) catchUp().catch(() => undefined)
  }

  function ring(): void {
    const failing = pauseMs > everyMs
    if (!failing) readSoon()
  }

  timer = setTimeout(readSoon, everyMs).unref()
  const stopBell = changes.onBell(ring)
  return {
    position: () => position,
    ageMs: () => monotonic() - readAt,
    onRow: (listener) => added(rowListeners, listener),
    onReset: (listener) => added(resetListeners, listener),
    catchUp,
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      stopBell()
      await underWay?.catch(() => undefined)
    },
  }
}

function added<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
