import type { Random } from '../clock.ts'
import { backOffMs, pauseForCaller } from './back-off.ts'
import type { NewResource } from './bundle.ts'
import type { FactsCache } from './facts-cache.ts'
import type { ServerCalls } from './server-calls.ts'

/** What became of telling of a resource: `refused` for good, `failed` after some tries. */
export type Registration =
  | { readonly kind: 'registered' }
  | { readonly kind: 'refused' | 'failed'; readonly why: string; readonly cause: unknown }

/** Never rejects. */
export type Register = (resource: NewResource) => Promise<Registration>

interface RegistrarOptions {
  /** Asks a server. Rejects if none can be reached, or does what it should. */
  readonly tell: (resource: NewResource) => ReturnType<ServerCalls['register']>
  readonly facts: FactsCache
  readonly random: Random
  readonly signal: AbortSignal
}

const triesMax = 3
const firstWaitMs = 200
const waitMsMax = 1_000

/** Tells a server of resources, and lets the guard know them at once. To tell twice of the same changes nothing. */
export function registrar({ tell, facts, random, signal }: RegistrarOptions): Register {
  return async (resource) => {
    for (let tries = 1; ; tries++)
      try {
        const told = await facts.learning(() => tell(resource))
        return told.kind === 'registered' ? { kind: told.kind } : { ...told, cause: undefined }
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : 'no server could be reached'
        if (tries === triesMax || signal.aborted) return { kind: 'failed', why, cause }
        await pauseForCaller(backOffMs(tries - 1, firstWaitMs, waitMsMax, random), signal)
      }
  }
}
