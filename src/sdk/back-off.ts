import type { Random } from '../clock.ts'

/** Between half and all of a doubling wait: many that failed at once do not come back at once. */
export function backOffMs(failures: number, firstMs: number, mostMs: number, random: Random): number {
  const fullMs = Math.min(mostMs, firstMs * 2 ** Math.min(failures, 30))
  return fullMs * (0.5 + fraction(random) / 2)
}

/** 0 to 1. */
export function fraction(random: Random): number {
  const [high = 0, low = 0] = random(2)
  return (high * 256 + low) / 65_536
}

/** Ends early, without an error, when the signal does. Does not hold the process: nobody waits but a loop of our own. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return wait(ms, signal, (timer) => timer.unref())
}

/** The same while a caller waits for what comes after it: a process with nothing else to do must not end meanwhile. */
export function pauseForCaller(ms: number, signal: AbortSignal): Promise<void> {
  return wait(ms, signal, (timer) => timer)
}

function wait(
  ms: number,
  signal: AbortSignal,
  held: (timer: NodeJS.Timeout) => NodeJS.Timeout,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const timer = held(setTimeout(done, ms))
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done, { once: true })
  })
}
