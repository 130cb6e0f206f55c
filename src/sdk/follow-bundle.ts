import type { Clock, MonotonicClock, Random } from '../clock.ts'
import type { DecisionFacts } from '../evaluator/grant.ts'
import { backOffMs, pause } from './back-off.ts'
import type { FactsQuestion, NewResource, StreamEvent } from './bundle.ts'
import type { CompiledBundle } from './compiled-bundle.ts'
import { CopyKeeper, type CopyPlace } from './copy-keeper.ts'
import type { DecisionBatch } from './decision-batch.ts'
import { serverSentEvents } from './event-stream.ts'
import { FactsCache } from './facts-cache.ts'
import { FollowedService } from './followed-service.ts'
import type { GuardSource, GuardState } from './guard-source.ts'
import type { GuardTrouble, Report } from './guard-trouble.ts'
import type { TokenSource } from './held-token.ts'
import { parseStreamEvent } from './parse-wire.ts'
import { type Register, registrar } from './registrar.ts'
import type { TokenMarks } from './revocation-index.ts'
import { type ServerCalls, serverCalls } from './server-calls.ts'
import { TokenError } from './token-error.ts'
import type { Fetch } from './token-request.ts'

export interface FollowOptions {
  readonly servers: readonly string[]
  readonly service: string
  readonly tokens: TokenSource
  readonly stalenessSecondsMax: number
  readonly factsMax: number
  readonly copy?: CopyPlace
  readonly report: Report
}

export interface FollowMachine {
  readonly clock: Clock
  readonly monotonic: MonotonicClock
  readonly random: Random
  readonly fetch: Fetch
}

const silenceMsMax = 10_000
const firstWaitMs = 200
const waitMsMax = 5_000
const refreshMsMin = 5_000

/** Follows a service's bundle over HTTP, from one of several servers at a time, and asks for facts on first need. */
export function followBundle(options: FollowOptions, machine: FollowMachine): GuardSource {
  return new BundleFollower(options, machine)
}

class BundleFollower implements GuardSource {
  readonly #options: FollowOptions
  readonly #machine: FollowMachine
  readonly #closing = new AbortController()
  readonly #calls: ServerCalls
  readonly #known: FollowedService
  readonly #facts: FactsCache
  readonly #keeper: CopyKeeper | undefined
  readonly #ready = Promise.withResolvers<void>()
  readonly factsFor: GuardSource['factsFor']
  readonly factsAtHand: DecisionFacts
  readonly register: Register
  readonly report: Report
  #turn = 0
  #failures = 0
  #trouble: string | undefined
  #refreshedAt = Number.NEGATIVE_INFINITY
  #refreshing: Promise<void> | undefined

  constructor(options: FollowOptions, machine: FollowMachine) {
    this.#options = options
    this.#machine = machine
    const { signal } = this.#closing
    this.#calls = serverCalls({ ...options, fetch: machine.fetch, signal })
    this.#known = new FollowedService({ ...options, ...machine })
    this.#keeper = options.copy && new CopyKeeper(options.copy, machine.monotonic)
    this.#facts = new FactsCache({
      ask: (question) => this.#askFacts(question),
      position: () => this.#known.position,
      sizeMax: options.factsMax,
      signal,
    })
    this.factsAtHand = this.#facts.facts
    this.factsFor = (caller, resources) => this.#facts.factsFor(caller, resources)
    const tell = (resource: NewResource) => this.#fromAny((server) => this.#calls.register(server, resource))
    this.register = registrar({ tell, facts: this.#facts, random: machine.random, signal })
    this.report = options.report
    // Whoever waits is told; if nobody waits, nothing is unhandled.
    this.#ready.promise.catch(() => {})
    void this.#run()
  }

  bundle(): CompiledBundle | undefined {
    return this.#known.compiled
  }

  isRevoked(marks: TokenMarks): boolean {
    return this.#known.revocations.ends(marks)
  }

  isStale(): boolean {
    return this.#known.isStale()
  }

  ready(): Promise<void> {
    return this.#ready.promise
  }

  state(): GuardState {
    const agoMs = this.#known.heardAgoMs()
    return {
      kind: this.#kind(agoMs),
      position: this.#known.position,
      server: this.#server(),
      ...(agoMs === undefined ? {} : { heardSecondsAgo: agoMs / 1000 }),
      ...(this.#trouble === undefined ? {} : { trouble: this.#trouble }),
    }
  }

  #kind(agoMs: number | undefined): GuardState['kind'] {
    if (agoMs === undefined) return 'starting'
    if (this.#known.isStale()) return 'stale'
    return agoMs > silenceMsMax ? 'degraded' : 'following'
  }

  /** However many tokens name unknown keys, one look every few seconds. */
  refresh(): Promise<void> {
    const now = this.#machine.monotonic()
    if (this.#refreshing === undefined && now - this.#refreshedAt >= refreshMsMin) {
      this.#refreshedAt = now
      this.#refreshing = this.#loadBundle(this.#server(), this.#known.etag)
        .catch((error: unknown) => this.#note('server', error))
        .finally(() => {
          this.#refreshing = undefined
        })
    }
    return this.#refreshing ?? Promise.resolve()
  }

  readonly deliver = async (batch: DecisionBatch) => {
    try {
      const delivery = await this.#fromAny((server) => this.#calls.decisions(server, batch))
      if (delivery === 'refused') this.#note('decisions', new Error('the server refused a batch'))
      return delivery
    } catch (error) {
      this.#note('decisions', error)
      return 'failed' as const
    }
  }

  close(): void {
    if (this.#closing.signal.aborted) return
    this.#ready.reject(new Error('the guard was closed before it knew its service'))
    this.#closing.abort()
    this.#options.tokens.close()
    void this.#writeCopy()
  }

  #server(): string {
    const { servers } = this.#options
    return servers[this.#turn % servers.length] ?? ''
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    await this.#readCopy()
    while (!signal.aborted) {
      try {
        await this.#follow(this.#server())
      } catch (error) {
        if (signal.aborted) return
        this.#note('server', error)
        const isHopeless = error instanceof TokenError && error.isFinal
        if (isHopeless && this.#known.compiled === undefined) this.#ready.reject(error)
      }
      this.#turn++
      await pause(this.#waitMs(), signal)
    }
  }

  #waitMs(): number {
    return backOffMs(this.#failures++, firstWaitMs, waitMsMax, this.#machine.random)
  }

  /** Until the stream ends, breaks or falls silent. */
  async #follow(server: string): Promise<void> {
    if (this.#known.needsBundle) await this.#loadBundle(server)
    const broken = new AbortController()
    const breakOff = () =>
      broken.abort(new Error(`nothing was heard from ${server} for ${silenceMsMax / 1000} s`))
    let silence = setTimeout(breakOff, silenceMsMax).unref()
    try {
      const within = AbortSignal.any([this.#closing.signal, broken.signal])
      const body = await this.#calls.stream(server, this.#known.position, within)
      for await (const { event, id, data } of serverSentEvents(body)) {
        clearTimeout(silence)
        silence = setTimeout(breakOff, silenceMsMax).unref()
        const parsed = parseStreamEvent(event, data)
        const position = /^\d{1,16}$/.test(id) ? Number(id) : this.#known.position
        if (parsed !== undefined) await this.#takeIn(server, parsed, position, broken)
        broken.signal.throwIfAborted()
      }
    } finally {
      clearTimeout(silence)
      broken.abort()
    }
  }

  async #takeIn(
    server: string,
    event: StreamEvent,
    position: number,
    broken: AbortController,
  ): Promise<void> {
    switch (event.event) {
      case 'heartbeat':
        this.#known.heard(event.feed_age_ms)
        break
      case 'change':
        this.#known.revoke(event.revocations ?? [])
        this.#facts.named(event, position)
        this.#known.heard(0)
        if (event.bundle === true) {
          this.#known.want(position)
          // What comes after is not kept waiting; if it fails, a new stream begins with the bundle.
          this.#loadBundle(server).catch((error: unknown) => broken.abort(error))
        }
        break
      case 'reset':
        this.#facts.reset(Math.max(position, this.#known.position))
        this.#known.want(position)
        await this.#loadBundle(server)
        break
      default:
        throw new Error(`unknown event: ${event satisfies never}`)
    }
    this.#known.advance(position)
    this.#failures = 0
    this.#trouble = undefined
    if (this.#keeper?.isDue() === true) await this.#writeCopy()
  }

  async #loadBundle(server: string, etag?: string): Promise<void> {
    const { oldestAcceptable } = this.#known
    const answer = await this.#calls.bundle(server, etag)
    if (answer === undefined) return
    this.#known.take(answer.bundle, answer.etag, oldestAcceptable)
    this.#ready.resolve()
    this.#keeper?.outdate()
  }

  async #askFacts(question: FactsQuestion): ReturnType<ServerCalls['facts']> {
    try {
      return await this.#fromAny((server) => this.#calls.facts(server, question))
    } catch (error) {
      this.#note('facts', error)
      throw error
    }
  }

  /** From the server that is followed, else from the others. */
  async #fromAny<T>(ask: (server: string) => Promise<T>): Promise<T> {
    const { servers } = this.#options
    let failure: unknown
    for (let i = 0; i < servers.length; i++) {
      try {
        return await ask(servers[(this.#turn + i) % servers.length] ?? '')
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  async #readCopy(): Promise<void> {
    try {
      const copy = await this.#keeper?.read(this.#options.service)
      if (copy === undefined) return
      this.#known.takeCopy(copy)
      this.#facts.restore(copy.facts)
      if (!this.#known.isStale()) this.#ready.resolve()
    } catch (error) {
      this.#note('copy_refused', error)
    }
  }

  async #writeCopy(): Promise<void> {
    const copy = this.#known.copy(this.#facts)
    if (copy === undefined) return
    try {
      await this.#keeper?.write(copy)
    } catch (error) {
      this.#note('copy_not_written', error)
    }
  }

  #note(kind: GuardTrouble['kind'], cause: unknown): void {
    const message = cause instanceof Error ? cause.message : 'unknown'
    this.#trouble = message
    this.#options.report({ kind, message, cause })
  }
}
