import { argon2, timingSafeEqual } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import type { Random } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { Derive } from './argon2-threads.ts'

/** Hashes passwords of people, off the event loop, a few at once. */
export interface PasswordHasher {
  /** As a PHC string, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. */
  hash(password: string): Promise<string>
  /** Takes as long without a hash to compare with, and is then `false`. */
  verify(hash: string | undefined, password: string): Promise<boolean>
  /** It was made with other parameters than are used now. */
  isOutdated(hash: string): boolean
}

interface Cost {
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
}

/** OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, two passes, one lane. */
const costNow: Cost = { memory: 19_456, passes: 2, parallelism: 1 }
const saltBytes = 16
const hashBytes = 32
/** Each takes 19 MiB, and what else the process does needs a core, too. */
const atOnceMax = 2
/** More than that would wait for longer than a person does. */
const waitingMax = 100
/** UTF-16 units: nobody's password, and not to be hashed. */
const lengthMax = 1_024

const phc = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/
const deriveInPool = promisify(argon2)

interface HasherOptions {
  /** Other than now's, for tests of what comes after a change. */
  readonly cost?: Cost
  /** In place of the threads that Node has for this and for much else. */
  readonly derive?: Derive
}

export function passwordHasher(random: Random, options: HasherOptions = {}): PasswordHasher {
  const { cost = costNow, derive = (parameters) => deriveInPool('argon2id', parameters) } = options
  const inTurn = turns(Math.min(atOnceMax, availableParallelism()), waitingMax)
  const run = (password: string, salt: Uint8Array, { memory, passes, parallelism }: Cost) =>
    inTurn(() =>
      derive({
        ...{ message: Buffer.from(plain(password)), nonce: salt, tagLength: hashBytes },
        ...{ memory, passes, parallelism },
      }),
    )
  const nobodys = text(cost, random(saltBytes), random(hashBytes))
  return {
    hash: async (password) => {
      const salt = random(saltBytes)
      return text(cost, salt, await run(password, salt, cost))
    },
    verify: async (hash, password) => {
      const kept = parse(hash ?? nobodys)
      const made = await run(password, kept.salt, kept.cost)
      return timingSafeEqual(made, kept.hash) && hash !== undefined && password.length <= lengthMax
    },
    isOutdated: (hash) => {
      const { memory, passes, parallelism } = parse(hash).cost
      return memory !== cost.memory || passes !== cost.passes || parallelism !== cost.parallelism
    },
  }
}

/** One password however a keyboard composes it (RFC 8265 §4.2.1); one that is too long is hashed as none. */
function plain(password: string): string {
  return password.length > lengthMax ? '' : password.normalize('NFC')
}

function text({ memory, passes, parallelism }: Cost, salt: Uint8Array, hash: Uint8Array): string {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64').replace(/=+$/, '')
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(hash)}`
}

function parse(hash: string): { readonly cost: Cost; readonly salt: Buffer; readonly hash: Buffer } {
  const [, memory, passes, parallelism, salt = '', made = ''] = phc.exec(hash) ?? []
  if (memory === undefined) throw new Error('what is kept of a password is no Argon2id hash')
  return {
    cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) },
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(made, 'base64'),
  }
}

/** At most so many at once; so many more wait, and whoever comes then is refused. */
function turns(atOnce: number, waitingMost: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (running < atOnce) running += 1
    else if (waiting.length < waitingMost) await new Promise<void>((resolve) => waiting.push(resolve))
    else
      throw new DomainError('rate_limited', 'too many sign in at once', {
        fix: 'Try again in a few seconds.',
      })
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
