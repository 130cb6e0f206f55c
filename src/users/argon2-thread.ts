import { type Argon2Parameters, argon2Sync } from 'node:crypto'
import { constants, getPriority, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'

// The whole of a thread that hashes passwords, one after the other; `argon2-threads.ts` starts it.

// Elsewhere a priority is the whole process's. On Linux it is that of the thread that asks (setpriority(2), NOTES).
if (process.platform === 'linux') standBack()

function standBack(): void {
  try {
    // A process that stands back itself may not take a higher priority, and must not.
    setPriority(Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL))
  } catch {
    // A sandbox may forbid it: then passwords are hashed beside the event loop as any other work.
  }
}

parentPort?.on('message', (parameters: Argon2Parameters) => {
  parentPort?.postMessage(argon2Sync('argon2id', parameters))
})
