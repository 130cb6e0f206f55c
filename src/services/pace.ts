/** Some milliseconds of reading. */
const charactersAtOnceMax = 10_000

/**
 * Long work in pieces, so that others have their turn of the event loop between them. Work is counted and not timed: the
 * same work comes to the same answer, however busy the machine is.
 */
export class Pace {
  readonly #charactersMax: number
  #done = 0
  #sincePause = 0

  /** @param charactersMax how much is read in all */
  constructor(charactersMax = Number.POSITIVE_INFINITY) {
    this.#charactersMax = charactersMax
  }

  /** Asked before each piece. `false`: there was as much as may be. */
  async goesOn(characters: number): Promise<boolean> {
    this.#done += characters
    if (this.#done > this.#charactersMax) return false
    this.#sincePause += characters
    if (this.#sincePause <= charactersAtOnceMax) return true
    this.#sincePause = characters
    await new Promise((resolve) => setImmediate(resolve))
    return true
  }
}

/** All of it at once. */
export function atOnce<Result>(reading: Generator<unknown, Result>): Result {
  for (;;) {
    const step = reading.next()
    if (step.done === true) return step.value
  }
}

/** The same in pieces. @param reading yields each piece before it is read */
export async function inTurns<Result>(reading: Generator<unknown, Result>): Promise<Result> {
  const pace = new Pace()
  for (;;) {
    const step = reading.next()
    if (step.done === true) return step.value
    await pace.goesOn(JSON.stringify(step.value)?.length ?? 0)
  }
}
