import { Worker } from 'node:worker_threads'
import { DomainError, type ErrorCode, type Fault } from '../errors.ts'
import { wholeRefused } from './fault-list.ts'
import type { DocumentReader, ReadDocument, ReadOptions } from './read-document.ts'

/** What the thread says back. */
export type ThreadAnswer =
  | { readonly read: ReadDocument }
  | {
      readonly refused: {
        readonly code: ErrorCode
        readonly message: string
        readonly fix?: string
        readonly faults: readonly Fault[]
      }
    }

interface ReaderOptions {
  /** A document that takes longer is refused. */
  readonly timeLimitMs?: number
  /** Of the thread's heap; a document that needs more is refused. */
  readonly memoryMegabytesMax?: number
}

/**
 * Reads documents in a thread each, so that a large one (13 MB take about two seconds) holds up no request, and a
 * hostile one neither time nor memory without end.
 */
export function documentReader(options: ReaderOptions = {}): DocumentReader {
  const { timeLimitMs = 60_000, memoryMegabytesMax = 1_024 } = options
  return (source, readOptions) => readApart(source, readOptions, timeLimitMs, memoryMegabytesMax)
}

async function readApart(
  source: Uint8Array | string,
  options: ReadOptions,
  timeLimitMs: number,
  memoryMegabytesMax: number,
): Promise<ReadDocument> {
  const worker = new Worker(new URL('./read-document-thread.ts', import.meta.url), {
    workerData: { source, options },
    resourceLimits: { maxOldGenerationSizeMb: memoryMegabytesMax },
  })
  try {
    return unwrap(await answerOf(worker, timeLimitMs))
  } finally {
    await worker.terminate()
  }
}

function answerOf(worker: Worker, timeLimitMs: number): Promise<ThreadAnswer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(tooMuch(`reading the document took longer than ${timeLimitMs / 1000} s`)),
      timeLimitMs,
    )
    const settle = (act: () => void) => {
      clearTimeout(timer)
      act()
    }
    worker.once('message', (message: ThreadAnswer) => settle(() => resolve(message)))
    worker.once('error', (error: NodeJS.ErrnoException) =>
      settle(() =>
        reject(
          error.code === 'ERR_WORKER_OUT_OF_MEMORY'
            ? tooMuch('reading the document took more memory than it may', error)
            : error,
        ),
      ),
    )
    worker.once('exit', (code) =>
      settle(() => reject(new Error(`the thread that reads the document ended with ${code}`))),
    )
  })
}

function tooMuch(detail: string, cause?: unknown): DomainError {
  return wholeRefused(detail, 'send a smaller document: leave out examples, or split the API', cause)
}

function unwrap(answer: ThreadAnswer): ReadDocument {
  if ('read' in answer) return answer.read
  const { code, message, ...rest } = answer.refused
  throw new DomainError(code, message, rest)
}
