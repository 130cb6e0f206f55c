import { parentPort, workerData } from 'node:worker_threads'
import { DomainError } from '../errors.ts'
import type { ThreadAnswer } from './document-reader.ts'
import { type ReadOptions, readDocument } from './read-document.ts'

// The whole of a thread that reads one document and ends; `document-reader.ts` starts it.
interface Work {
  readonly source: Uint8Array | string
  readonly options: ReadOptions
}

async function answer({ source, options }: Work): Promise<ThreadAnswer> {
  try {
    return { read: await readDocument(source, options) }
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    // An error loses its own fields on the way between threads.
    const { code, message, fix, faults } = error
    return { refused: { code, message, faults, ...(fix === undefined ? {} : { fix }) } }
  }
}

// Sound: only `document-reader.ts` starts this file, with this data.
parentPort?.postMessage(await answer(workerData as Work))
