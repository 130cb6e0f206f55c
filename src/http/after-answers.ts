import type { Random } from '../clock.ts'

/** Work that no answer waits for, and that closing does. */
export interface AfterAnswers {
  /**
   * Begins the work a little later, at a moment of chance: neither this answer's time nor the next one's tells what there
   * was to do.
   * @param onFault told what the work throws
   */
  do(work: () => Promise<void>, onFault: (cause: unknown) => void): void
  /** Begins what has not begun, and resolves when all of it is done. */
  close(): Promise<void>
}

const waitMsMin = 20
const waitMsSpread = 256

export function afterAnswers(random: Random): AfterAnswers {
  const underWay = new Map<Promise<void>, () => void>()
  return {
    do: (work, onFault) => {
      const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
      setTimeout(begin, waitMsMin + ((random(1)[0] ?? 0) % waitMsSpread))
      const done = begun
        .then(work)
        .catch(onFault)
        .finally(() => underWay.delete(done))
      underWay.set(done, begin)
    },
    close: async () => {
      // What is done may begin more.
      while (underWay.size > 0) {
        for (const begin of underWay.values()) begin()
        await Promise.all(underWay.keys())
      }
    },
  }
}
