/** So many ids stand in one command. */
const idsMax = 500

interface Asking<Row> {
  resolve(row: Row | undefined): void
  reject(error: unknown): void
}

/**
 * Reads rows by id: those that are asked for in one turn of the event loop with one command. A batch of a thousand
 * questions otherwise waits for a thousand answers, over a pool of a hundred connections, and on a slow server some of
 * them have waited too long before they are sent.
 */
export class ReadsTogether<Row extends { readonly _id: string }> {
  readonly #read: (ids: readonly string[]) => Promise<readonly Row[]>
  #waiting = new Map<string, Asking<Row>[]>()

  /** @param read the rows that there are of these ids, in any order */
  constructor(read: (ids: readonly string[]) => Promise<readonly Row[]>) {
    this.#read = read
  }

  /** Begins after the call. Rejects as the reading does, with all that were read together. */
  find(id: string): Promise<Row | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.size === 0) setImmediate(() => this.#flush())
      const asking = this.#waiting.get(id)
      if (asking === undefined) this.#waiting.set(id, [{ resolve, reject }])
      else asking.push({ resolve, reject })
    })
  }

  #flush(): void {
    const waiting = [...this.#waiting]
    this.#waiting = new Map()
    for (let i = 0; i < waiting.length; i += idsMax) void this.#answer(new Map(waiting.slice(i, i + idsMax)))
  }

  async #answer(waiting: ReadonlyMap<string, readonly Asking<Row>[]>): Promise<void> {
    try {
      const rows = new Map((await this.#read([...waiting.keys()])).map((row) => [row._id, row]))
      for (const [id, several] of waiting) for (const { resolve } of several) resolve(rows.get(id))
    } catch (error) {
      for (const several of waiting.values()) for (const { reject } of several) reject(error)
    }
  }
}
