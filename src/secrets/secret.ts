import { inspect } from 'node:util'

/** A text that must not be seen by accident: printing, logging or serialising it shows that it is one, and nothing else. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The one way to the text; each use can be found by its name. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return 'Secret {}'
  }
}
