import { DomainError, hasCode } from '../errors.ts'
import { countLocatedUpTo } from '../storage/in-pages.ts'
import { type Collection, type CommitChanges, type Records, type Stored, update } from '../storage/ports.ts'

/** Documents of a later row, of one kind, with values sealed under deployment secrets; `compose` hands over the list. */
export interface Rewrap {
  /** As answers name it. */
  readonly kind: string
  /** How many documents have a value sealed under that secret; counting stops at `max`. */
  count(secretId: string, max: number): Promise<number>
  /**
   * Seals under the newest secret what that older one has sealed, until nothing is left or at least `max` documents are
   * moved. Safe from several nodes at once, and to be repeated.
   * @returns how many documents were moved
   * @throws {DomainError} `conflict` if the same document was changed by others at each of many attempts
   */
  rewrap(secretId: string, max: number): Promise<number>
}

interface SealedDocuments<T extends Stored> {
  readonly kind: string
  /** Has the index `sealedUnder`. */
  readonly collection: Collection<T>
  /** The same document, each of its values sealed under the newest secret. */
  readonly reseal: (document: T) => T
}

interface Deps {
  readonly records: Records
  /** Without an audit event: what is moved says the same as before. `rewrapSecrets` tells of the whole. */
  readonly commit: CommitChanges
}

const index = 'sealedUnder'
const pageSize = 100
const attemptsMax = 20

export function rewrapOf<T extends Stored>(deps: Deps, documents: SealedDocuments<T>): Rewrap {
  const { kind, collection } = documents
  return {
    kind,
    count: (secretId, max) => countLocatedUpTo(deps.records, collection, { index, key: secretId, max }),
    rewrap: (secretId, max) => rewrapInPages(deps, documents, secretId, max),
  }
}

async function rewrapInPages<T extends Stored>(
  deps: Deps,
  documents: SealedDocuments<T>,
  secretId: string,
  max: number,
): Promise<number> {
  let [moved, failed] = [0, 0]
  let before: string | undefined
  while (moved < max) {
    // What is moved leaves the index, so the first page is always the next one.
    const page = { limit: Math.min(pageSize, max - moved) }
    const places = await deps.records.locate(documents.collection, index, secretId, page)
    const [first] = places
    if (first === undefined) return moved
    const count = await rewrapPage(deps, documents, secretId, places)
    // A page that another node has moved is progress, too: then it begins with another document.
    failed = count === 0 && first.id === before ? failed + 1 : 0
    if (failed === attemptsMax) throw new DomainError('conflict', `${first.id} was changed at each attempt`)
    before = first.id
    moved += count
  }
  return moved
}

/** @returns 0 if a race was lost, or nothing was left to do */
async function rewrapPage<T extends Stored>(
  { records, commit }: Deps,
  { collection, reseal }: SealedDocuments<T>,
  secretId: string,
  places: readonly Pick<T, 'organizationId' | 'id'>[],
): Promise<number> {
  const found = await Promise.all(
    places.map(({ organizationId, id }) => records.find(organizationId, collection, id)),
  )
  const [first, ...others] = found
    .filter((one) => one !== undefined)
    .filter((one) => collection.indexes[index]?.keys(one).includes(secretId))
    .map((one) => update(collection, one, reseal(one)))
  if (first === undefined) return 0
  try {
    await commit([first, ...others])
    return 1 + others.length
  } catch (cause) {
    if (hasCode(cause, 'conflict')) return 0
    throw cause
  }
}
