import { type Clock, type MonotonicClock, rfc3339 } from '../clock.ts'
import type { Bundle, StreamEvent } from './bundle.ts'
import { type CompiledBundle, compileBundle } from './compiled-bundle.ts'
import type { FactsCache } from './facts-cache.ts'
import type { GuardCopy } from './guard-copy.ts'
import { WireError } from './parse-wire.ts'
import { RevocationIndex } from './revocation-index.ts'

interface FollowedServiceOptions {
  readonly stalenessSecondsMax: number
  readonly clock: Clock
  readonly monotonic: MonotonicClock
}

/** A copy dated later than this comes from a machine whose clock cannot be believed. */
const futureMsMax = 60_000

/** All that a guard has heard of its service, and how long ago. */
export class FollowedService {
  readonly revocations: RevocationIndex = new RevocationIndex()
  readonly #options: FollowedServiceOptions
  #bundle: Bundle | undefined
  #compiled: CompiledBundle | undefined
  #etag: string | undefined
  #position = 0
  /** A change of the bundle was told of at this position. */
  #wanted = 0
  #heardAt: number | undefined
  /** The server's time when it was last heard. */
  #serverTime = 0

  constructor(options: FollowedServiceOptions) {
    this.#options = options
  }

  get compiled(): CompiledBundle | undefined {
    return this.#compiled
  }

  get etag(): string | undefined {
    return this.#etag
  }

  /** All changes up to here are taken in. */
  get position(): number {
    return this.#position
  }

  /** The bundle at hand is not the newest one told of. */
  get needsBundle(): boolean {
    return this.#bundle === undefined || this.#bundle.position < this.#wanted
  }

  /** A bundle asked for now must be of this position or later: a node that lags would roll back what is known. */
  get oldestAcceptable(): number {
    return Math.max(this.#position, this.#wanted)
  }

  /** The bundle changed at that position. */
  want(position: number): void {
    this.#wanted = Math.max(this.#wanted, position)
  }

  /**
   * Takes in a bundle. Revocations heard of before stay: it may have been read before them.
   * @throws {WireError} if it is of an older position than has been seen
   */
  take(bundle: Bundle, etag: string | undefined, notBefore: number): void {
    if (bundle.position < notBefore)
      throw new WireError(
        `the bundle is of position ${bundle.position}, older than ${notBefore}, which was seen`,
      )
    this.#compiled = compileBundle(bundle)
    this.#bundle = bundle
    this.#etag = etag
    this.revocations.add(bundle.revocations)
    this.revocations.forget(this.#options.clock())
    this.#position = Math.max(this.#position, bundle.position)
    this.#serverTime = Date.parse(bundle.server_time)
    this.#heardAt = this.#options.monotonic()
  }

  /** Takes in what a copy says, as old as it says it is. */
  takeCopy({ bundle }: GuardCopy): void {
    const ageMs = this.#options.clock() - Date.parse(bundle.server_time)
    if (ageMs < -futureMsMax) throw new WireError("the guard's copy is dated in the future")
    this.take(bundle, undefined, this.#position)
    this.#heardAt = this.#options.monotonic() - Math.max(0, ageMs)
  }

  /** The stream has told all up to `position`. */
  advance(position: number): void {
    this.#position = Math.max(this.#position, position)
  }

  revoke(entries: NonNullable<Extract<StreamEvent, { event: 'change' }>['revocations']>): void {
    this.revocations.add(entries)
  }

  /** The server was heard; what it said was true so long ago. */
  heard(ageMs: number): void {
    const at = this.#options.monotonic() - Math.max(0, ageMs)
    const before = this.#heardAt ?? at
    // Never earlier than before: a node that lags does not make older what another has said.
    if (at < before) return
    this.#serverTime += at - before
    this.#heardAt = at
  }

  /** Milliseconds; `undefined` before the first time. */
  heardAgoMs(): number | undefined {
    return this.#heardAt === undefined ? undefined : this.#options.monotonic() - this.#heardAt
  }

  isStale(): boolean {
    const { stalenessSecondsMax } = this.#options
    const agoMs = this.heardAgoMs()
    if (agoMs === undefined || this.#compiled === undefined) return true
    // Beyond the life of a token revocation would not even fall back to expiry.
    return agoMs > Math.min(stalenessSecondsMax, this.#compiled.service.access_token_ttl_seconds) * 1000
  }

  copy(facts: FactsCache): GuardCopy | undefined {
    if (this.#bundle === undefined || this.needsBundle) return undefined
    const bundle = {
      ...this.#bundle,
      position: this.#position,
      server_time: rfc3339(this.#serverTime),
      revocations: this.revocations.entries(),
    }
    return { bundle, facts: facts.snapshot() }
  }
}
