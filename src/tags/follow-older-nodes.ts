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
export function followOlderNodes({ store, commit, feed, onFault }: Deps): OlderNodes {
  const { records, changes } = store
  /** All up to it is listed. */
  let done: Position | undefined
  let marked: Position | undefined
  /** The last rows that came one after the other with nothing in them to list: those after `after`, up to `to`. */
  let nothingIn: { readonly after: Position; readonly to: Position } | undefined
  let underWay: Promise<void> | undefined
  let isAskedAgain = false
  let hasFailed = false
  let isStopped = false

  async function run(): Promise<void> {
    try {
      const operator = await operatorOf(records)
      if (operator === undefined) return
      marked ??= (await store.counters.latest(operator, [markName])).get(markName)
      done ??= marked
      do {
        isAskedAgain = false
        await readOn()
        await mark(operator)
      } while (isAskedAgain && !isStopped)
    } finally {
      underWay = undefined
    }
  }

  async function readOn(): Promise<void> {
    for (let more = true; more && !isStopped; ) {
      passOver()
      const from: Position = done ?? (await listAll())
      const { rows, gap } = await changes.read(from, rowsMax)
      const items = rows.flatMap(writtenByOlder)
      for (let i = 0; i < items.length; i += rowsMax)
        await listShared({ records, commit }, items.slice(i, i + rowsMax))
      done = gap ? undefined : (rows.at(-1)?.position ?? from)
      more = gap || rows.length === rowsMax
    }
  }

  async function listAll(): Promise<Position> {
    // The head first: what is written meanwhile is read of after it.
    const head = await changes.head()
    await listAllShared({ records, commit })
    return head
  }

  /** What was heard of need not be read. */
  function passOver(): void {
    if (done !== undefined && nothingIn !== undefined && nothingIn.after <= done && nothingIn.to > done)
      done = nothingIn.to
  }

  async function mark(operator: OrganizationId): Promise<void> {
    passOver()
    if (isStopped || done === undefined || done === marked) return
    await store.counters.record([], [{ organizationId: operator, name: markName, at: done }])
    marked = done
  }

  function onRow(row: ChangeRow): void {
    const { position } = row
    if (writtenByOlder(row).length === 0)
      nothingIn = { after: nothingIn?.to === position - 1 ? nothingIn.after : position - 1, to: position }
    else if (underWay !== undefined) isAskedAgain = true
    else if (done !== undefined && position > done && !hasFailed)
      begun().catch((cause: unknown) => {
        hasFailed = true
        onFault(cause)
      })
  }

  function begun(): Promise<void> {
    underWay ??= run()
    return underWay
  }

  const stopFollowing = feed.onRow(onRow)
  return {
    catchUp: () => {
      hasFailed = false
      return begun()
    },
    stop: () => {
      isStopped = true
      stopFollowing()
    },
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
