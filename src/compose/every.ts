import { errorForLog, type Log } from '../http/log.ts'

/**
 * Does the work soon after the start (in half a minute, unless told otherwise), and then again and again, but never twice
 * at a time: while it lasts, its next turns are left out.
 * @returns how to stop
 */
export function every(
  intervalMs: number,
  work: () => Promise<void>,
  log: Pick<Log, 'warn'>,
  failed: string,
  firstAfterMs = 30_000,
): () => void {
  let isUnderWay = false
  const run = async () => {
    if (isUnderWay) return
    isUnderWay = true
    try {
      await work()
    } catch (cause) {
      log.warn({ err: errorForLog(cause) }, failed)
    } finally {
      isUnderWay = false
    }
  }
  const first = setTimeout(run, firstAfterMs).unref()
  const again = setInterval(run, intervalMs).unref()
  return () => {
    clearTimeout(first)
    clearInterval(again)
  }
}
