import { type Argon2Parameters, argon2Sync } from 'node:crypto'
import { constants, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'

// The whole of a thread that hashes passwords, one after the other; `argon2-threads.ts` starts it.

// Elsewhere a priority is the whole process's. On Linux it is that of the thread that asks (setpriority(2), NOTES).
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_BELOW_NORMAL)

parentPort?.on('message', (parameters: Argon2Parameters) => {
  parentPort?.postMessage(argon2Sync('argon2id', parameters))
})
