import type { Clock, Random } from '../clock.ts'
import { backOffMs, pause } from './back-off.ts'
import type { DecisionBatch } from './decision-batch.ts'
import { DecisionIds } from './decision-ids.ts'
import type { DecisionLogRules } from './decision-log-rules.ts'
import { type NotedDecision, type WireOf, wireOf } from './noted-decision.ts'

/** How a guard's decision log stands. */
export interface DecisionLogState {
  /** Not taken by the server yet. */
  readonly queued: number
  readonly delivered: number
  /** There was no room for them, or the server will not have them. It is told how many. */
  readonly dropped: number
}

/** What became of a batch: `refused` for good, `failed` for now. Never throws, and reports failures itself. */
export type Delivery = 'taken' | 'refused' | 'failed'
export type Deliver = (batch: DecisionBatch) => Promise<Delivery>

interface LogMachine {
  readonly clock: Clock
  readonly random: Random
}

interface Parcel {
  readonly batch: DecisionBatch
  /** How many decisions are in it, and how many more it tells of as lost. */
  readonly size: number
  readonly lost: number
}

const firstWaitMs = 200
const waitMsMax = 5_000
/** Of the 1 MB that the server takes at once. */
const batchBytesMax = 800_000

/** Decisions on their way to the server: a bounded queue, taken there in batches, beside the requests. */
export class DecisionLog {
  readonly #rules: DecisionLogRules
  readonly #deliver: Deliver
  readonly #random: Random
  readonly #ids: DecisionIds
  readonly #wireOf: WireOf
  readonly #closing = new AbortController()
  readonly #over = new AbortController()
  #queue: NotedDecision[] = []
  #underWay = 0
  /** Requests that were promised room for what will be decided. */
  #promised = 0
  #waiting: (() => void)[] = []
  #allowed = 0
  #delivered = 0
  #dropped = 0
  #droppedTold = 0
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined

  constructor(rules: DecisionLogRules, deliver: Deliver, { clock, random }: LogMachine) {
    this.#rules = rules
    this.#deliver = deliver
    this.#random = random
    this.#ids = new DecisionIds(clock, random)
    this.#wireOf = wireOf(rules.resourceIds)
  }

  /** Whether a decision can be made and noted at once. */
  hasRoom(): boolean {
    return this.#rules.whenFull === 'drop' || this.#held() < this.#rules.queueMax
  }

  /**
   * Before a decision, so that none has grown old when it is acted on. `undefined`: at once. Once for each, `noteInRoom`
   * follows.
   */
  room(): Promise<void> | undefined {
    if (this.hasRoom() || this.#closing.signal.aborted) {
      this.#promised++
      return undefined
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** @param noted `undefined` if it is not to be recorded */
  noteInRoom(noted: NotedDecision | undefined): void {
    this.#promised--
    if (noted !== undefined) this.note(noted)
    this.#giveRoom()
  }

  note(noted: NotedDecision): void {
    const isAllowed = noted.reason === 'allowed' || noted.reason === 'public'
    if (isAllowed && !this.#isInShare()) return
    const { whenFull, queueMax } = this.#rules
    const isFull = whenFull === 'drop' && this.#queue.length + this.#underWay >= queueMax
    if (isFull || this.#over.signal.aborted) this.#dropped++
    else this.#queue.push(noted)
    this.#sendSoon()
  }

  state(): DecisionLogState {
    const queued = this.#queue.length + this.#underWay
    return { queued, delivered: this.#delivered, dropped: this.#dropped }
  }

  /** Lets all who wait go on, takes what is queued to the server, and after a while gives up what is left. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    this.#giveRoom()
    const over = Promise.withResolvers<void>()
    const timer = setTimeout(over.resolve, this.#rules.closeMsMax)
    await Promise.race([this.#sendRest(), over.promise])
    clearTimeout(timer)
    this.#over.abort()
    this.#dropped += this.#queue.length + this.#underWay
    this.#queue = []
    this.#underWay = 0
  }

  /** Every n-th, but never in step with requests that come in turns: fractions of the golden ratio fill a stretch evenly. */
  #isInShare(): boolean {
    const { allowedShare } = this.#rules
    if (allowedShare === 1) return true
    this.#allowed = (this.#allowed + 1) >>> 0
    return Math.imul(this.#allowed, 0x9e3779b1) >>> 0 < allowedShare * 2 ** 32
  }

  #held(): number {
    return this.#queue.length + this.#underWay + this.#promised
  }

  #giveRoom(): void {
    while (this.#waiting.length > 0 && (this.hasRoom() || this.#closing.signal.aborted)) {
      this.#promised++
      this.#waiting.shift()?.()
    }
  }

  #sendSoon(): void {
    if (this.#sending !== undefined || this.#over.signal.aborted) return
    if (this.#queue.length >= this.#rules.batchMax) this.#sendNow()
    else this.#timer ??= setTimeout(() => this.#sendNow(), this.#rules.batchMsMax).unref()
  }

  #sendNow(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined
      if (this.#queue.length > 0) this.#sendSoon()
    })
  }

  async #send(): Promise<void> {
    // Beside the request that has brought the last of the batch.
    await new Promise((resolve) => setImmediate(resolve))
    do await this.#sendUntilTaken(this.#nextParcel())
    while (this.#queue.length >= this.#rules.batchMax && !this.#over.signal.aborted)
  }

  async #sendRest(): Promise<void> {
    while (!this.#over.signal.aborted && this.#queue.length + this.#underWay > 0) {
      this.#sendNow()
      await this.#sending
    }
  }

  async #sendUntilTaken({ batch, size, lost }: Parcel): Promise<void> {
    for (let failures = 0; !this.#over.signal.aborted; failures++) {
      const delivery = await this.#deliver(batch)
      if (this.#over.signal.aborted) return
      if (delivery !== 'failed') {
        this.#underWay = 0
        if (delivery === 'taken') {
          this.#delivered += size
          this.#droppedTold += lost
        } else this.#dropped += size
        this.#giveRoom()
        return
      }
      const isClosing = this.#closing.signal.aborted
      const waitMs = backOffMs(isClosing ? 0 : failures, firstWaitMs, waitMsMax, this.#random)
      await pause(waitMs, isClosing ? this.#over.signal : this.#closing.signal)
    }
  }

  #nextParcel(): Parcel {
    const decisions: DecisionBatch['decisions'][number][] = []
    let bytes = 0
    for (const noted of this.#queue) {
      const wire = this.#wireOf(noted)
      bytes += Buffer.byteLength(JSON.stringify(wire)) + 1
      if (decisions.length > 0 && (decisions.length === this.#rules.batchMax || bytes > batchBytesMax)) break
      decisions.push(wire)
    }
    this.#queue.splice(0, decisions.length)
    this.#underWay = decisions.length
    const lost = this.#dropped - this.#droppedTold
    const told = lost === 0 ? {} : { lost: { id: this.#ids.next(), count: lost } }
    return { batch: { decisions, ...told }, size: decisions.length, lost }
  }
}
