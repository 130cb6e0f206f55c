import type { OrganizationId } from '../ids.ts'
import { organizations } from '../organizations/organization.ts'
import type { Feed } from '../storage/feed.ts'
import type { ChangedItem, ChangeRow, CommitChanges, Position, Records, Store } from '../storage/ports.ts'
import { listAllShared, listShared } from './list-shared.ts'
import { resources } from './resource.ts'

interface Deps {
  readonly store: Pick<Store, 'records' | 'counters' | 'changes'>
  readonly commit: CommitChanges
  readonly feed: Pick<Feed, 'onRow'>
  /** Told when a row of the feed led to work that failed: it is done at the next `catchUp`. */
  readonly onFault: (cause: unknown) => void
}

interface OlderNodes {
  /**
   * Lists all that is not listed so far. Reads of the feed what came since this was last done, by whichever node; all
   * resources only where nobody has done it, or the feed has forgotten rows since.
   */
  catchUp(): Promise<void>
  stop(): void
}

/** A mark of the operator's: up to this position of the feed there is no resource that is not listed. */
const markName = 'resources.listed_up_to'
const rowsMax = 500

/**
 * Nodes of the version before may still run while others are upgraded. They list what they write under the indexes that
 * they know (see `listAllShared`), and the feed says so: what they write is listed as soon as a node of this version reads
 * of it. What was left undone, by a node that ended between, is done by the next one.
 */
export function followOlderNodes(deps: Deps): OlderNodes {
  return new Following(deps)
}

class Following implements OlderNodes {
  readonly #deps: Deps
  readonly #stopFollowing: () => void
  /** All up to it is listed. */
  #done: Position | undefined
  #marked: Position | undefined
  /** The last rows that came one after the other with nothing in them to list: those after `after`, up to `to`. */
  #nothingIn: { readonly after: Position; readonly to: Position } | undefined
  #underWay: Promise<void> | undefined
  #isAskedAgain = false
  #hasFailed = false
  #isStopped = false

  constructor(deps: Deps) {
    this.#deps = deps
    this.#stopFollowing = deps.feed.onRow((row) => this.#onRow(row))
  }

  catchUp(): Promise<void> {
    this.#hasFailed = false
    return this.#begun()
  }

  stop(): void {
    this.#isStopped = true
    this.#stopFollowing()
  }

  #onRow(row: ChangeRow): void {
    const { position } = row
    if (writtenByOlder(row).length === 0) {
      const after = this.#nothingIn?.to === position - 1 ? this.#nothingIn.after : position - 1
      this.#nothingIn = { after, to: position }
    } else if (this.#underWay !== undefined) this.#isAskedAgain = true
    else if (this.#done !== undefined && position > this.#done && !this.#hasFailed)
      this.#begun().catch((cause: unknown) => {
        this.#hasFailed = true
        this.#deps.onFault(cause)
      })
  }

  #begun(): Promise<void> {
    this.#underWay ??= this.#run()
    return this.#underWay
  }

  async #run(): Promise<void> {
    const { records, counters } = this.#deps.store
    try {
      const operator = await operatorOf(records)
      if (operator === undefined) return
      this.#marked ??= (await counters.latest(operator, [markName])).get(markName)
      this.#done ??= this.#marked
      do {
        this.#isAskedAgain = false
        await this.#readOn()
        await this.#mark(operator)
      } while (this.#isAskedAgain && !this.#isStopped)
    } finally {
      this.#underWay = undefined
    }
  }

  async #readOn(): Promise<void> {
    const { commit, store } = this.#deps
    for (let more = true; more && !this.#isStopped; ) {
      this.#passOver()
      const from: Position = this.#done ?? (await this.#listAll())
      const { rows, gap } = await store.changes.read(from, rowsMax)
      const items = rows.flatMap(writtenByOlder)
      for (let i = 0; i < items.length; i += rowsMax)
        await listShared({ records: store.records, commit }, items.slice(i, i + rowsMax))
      this.#done = gap ? undefined : (rows.at(-1)?.position ?? from)
      more = gap || rows.length === rowsMax
    }
  }

  async #listAll(): Promise<Position> {
    const { commit, store } = this.#deps
    // The head first: what is written meanwhile is read of after it.
    const head = await store.changes.head()
    await listAllShared({ records: store.records, commit })
    return head
  }

  /** What was heard of need not be read. */
  #passOver(): void {
    if (this.#done === undefined || this.#nothingIn === undefined) return
    const { after, to } = this.#nothingIn
    if (after <= this.#done && to > this.#done) this.#done = to
  }

  async #mark(operator: OrganizationId): Promise<void> {
    this.#passOver()
    const at = this.#done
    if (this.#isStopped || at === undefined || at === this.#marked) return
    await this.#deps.store.counters.record([], [{ organizationId: operator, name: markName, at }])
    this.#marked = at
  }
}

/** Resources that a program wrote which does not know all the indexes of this one. */
function writtenByOlder({ items }: ChangeRow): readonly ChangedItem[] {
  return items.filter(
    ({ collection, revision = 1 }) => collection === resources.name && revision < (resources.revision ?? 1),
  )
}

async function operatorOf(records: Records): Promise<OrganizationId | undefined> {
  const [operator] = await records.locate(organizations, 'operator', '', { limit: 1 })
  return operator?.organizationId
}
