import { unavailable } from './errors.ts'

/** One at a time, in the order of asking; who waits too long is refused, and its work never begins. */
export class Turns {
  readonly #waitMsMax: number
  #last: Promise<unknown> = Promise.resolve()

  constructor(waitMsMax: number) {
    this.#waitMsMax = waitMsMax
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    let waits = true
    const timer = setTimeout(() => {
      waits = false
      reject(unavailable('too many commits wait for the store'))
    }, this.#waitMsMax)
    this.#last = this.#last.then(async () => {
      clearTimeout(timer)
      if (waits) await work().then(resolve, reject)
    })
    return promise
  }

  /** Resolves when all that was asked for so far has ended. */
  async settled(): Promise<void> {
    await this.#last
  }
}
