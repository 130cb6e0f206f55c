// A process of a low priority of its own: prints what a thread derives, and the priority of the first of all threads.
import { readdirSync, readFileSync } from 'node:fs'
import { derivingThreads } from '../../src/users/argon2-threads.ts'

const threads = derivingThreads()
const cost = { memory: 64, passes: 1, parallelism: 1 }
const { length } = await threads.derive({ message: 'x', nonce: Buffer.alloc(16), tagLength: 32, ...cost })
const priorities = readdirSync('/proc/self/task').map((id) =>
  Number(readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ')[1]?.split(' ')[16]),
)
console.log(JSON.stringify({ length, lowest: Math.min(...priorities) }))
await threads.close()
