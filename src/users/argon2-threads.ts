import type { Argon2Parameters } from 'node:crypto'
import { Worker } from 'node:worker_threads'

/** Argon2id, off the event loop. */
export type Derive = (parameters: Argon2Parameters) => Promise<Uint8Array>

export interface DerivingThreads {
  readonly derive: Derive
  /** Ends the threads; what they are at is refused. */
  close(): Promise<void>
}

/**
 * As many threads as work is given at once, kept for later. On Linux they stand back for all else that the process does:
 * the threads that Node has for such work have the event loop wait for its turn on a core that hashes.
 */
export function derivingThreads(): DerivingThreads {
  const all = new Set<Worker>()
  const idle: Worker[] = []
  let isClosed = false
  const start = (): Worker => {
    const thread = new Worker(new URL('./argon2-thread.ts', import.meta.url), { execArgv: [] })
    all.add(thread)
    thread.once('exit', () => {
      all.delete(thread)
      if (idle.includes(thread)) idle.splice(idle.indexOf(thread), 1)
    })
    return thread
  }
  return {
    derive: async (parameters) => {
      if (isClosed) throw new Error('a password was not hashed: the threads are closed')
      const thread = idle.pop() ?? start()
      // Whoever waits for a password keeps the process; a thread without work does not.
      thread.ref()
      const derived = await answerOf(thread, parameters)
      thread.unref()
      idle.push(thread)
      return derived
    },
    close: async () => {
      isClosed = true
      await Promise.all(Array.from(all, (thread) => thread.terminate()))
    },
  }
}

function answerOf(thread: Worker, parameters: Argon2Parameters): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const forget = () => {
      thread.off('message', answered).off('error', failed).off('exit', ended)
    }
    const answered = (derived: Uint8Array) => {
      forget()
      resolve(derived)
    }
    const failed = (cause: unknown) => {
      forget()
      reject(new Error('a password was not hashed', { cause }))
    }
    const ended = () => failed(new Error('the thread has ended'))
    thread.on('message', answered).on('error', failed).on('exit', ended)
    thread.postMessage(parameters)
  })
}
