import type { Checker } from './checker.ts'
import type { DecisionLog } from './decision-log.ts'
import type { Gate, GuardAnswer, GuardRequest } from './guard-answer.ts'
import { type NotedDecision, notedOf, type Seen } from './noted-decision.ts'

/** The gate of a checker whose decisions are noted, whatever they are. */
export class RecordedGate implements Gate {
  readonly #checker: Checker
  readonly #log: DecisionLog

  constructor(checker: Checker, log: DecisionLog) {
    this.#checker = checker
    this.#log = log
  }

  async check(request: GuardRequest): Promise<GuardAnswer> {
    // What goes on being answered was decided, and noted, before.
    if (request.admittedBefore === true) return this.#checker.check(request)
    const room = this.#log.room()
    if (room !== undefined) await room
    const seen: Seen = {}
    let noted: NotedDecision | undefined
    try {
      const answer = await this.#checker.check(request, seen)
      noted = notedOf(request, answer, seen)
      return answer
    } finally {
      this.#log.noteInRoom(noted)
    }
  }

  /** `undefined` also while the log has no room: `check` waits for it. */
  checkNow(request: GuardRequest): GuardAnswer | undefined {
    if (!this.#log.hasRoom()) return undefined
    const seen: Seen = {}
    const answer = this.#checker.checkNow(request, seen)
    if (answer !== undefined && request.admittedBefore !== true)
      this.#log.note(notedOf(request, answer, seen))
    return answer
  }

  isPreflight(request: GuardRequest): ReturnType<Gate['isPreflight']> {
    return this.#checker.isPreflight(request)
  }

  metadataFor(request: GuardRequest): ReturnType<Gate['metadataFor']> {
    return this.#checker.metadataFor(request)
  }
}
