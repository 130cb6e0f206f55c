import { DomainError } from '../errors.ts'
import type { OrganizationId } from '../ids.ts'
import { indexEntries } from './index-entries.ts'
import type { Change, Collection, CounterAddition, LatestMark, Stored, TrailPage } from './ports.ts'

/** What every store refuses alike, before it asks its database. */

const pageLimitMax = 1_000
const counterNameLengthMax = 500

/** @throws {DomainError} `invalid_request` unless it is a whole number, 1 to 1,000 */
export function checkLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= pageLimitMax) return
  throw new DomainError('invalid_request', `a page has 1 to ${pageLimitMax} entries, not ${limit}`)
}

/**
 * Half of a surrogate pair has no UTF-8: a database would keep U+FFFD instead, and two texts would become one.
 * @throws {DomainError} `invalid_request`
 */
export function checkText(...texts: readonly (string | undefined)[]): void {
  if (texts.every((text) => text === undefined || text.isWellFormed())) return
  throw new DomainError(
    'invalid_request',
    'a text has half of a surrogate pair in it, which is no character',
    {
      fix: 'Send well-formed Unicode.',
    },
  )
}

/** @throws {Error} if the collection declares no such index */
export function checkIndex<T extends Stored>(collection: Collection<T>, index: string): void {
  if (!Object.hasOwn(collection.indexes, index)) throw new Error(`${collection.name} has no index ${index}`)
}

/** @throws {Error} if the index finds nothing across organizations */
export function checkDeploymentWide<T extends Stored>(collection: Collection<T>, index: string): void {
  checkIndex(collection, index)
  if (collection.indexes[index]?.deploymentWide === undefined)
    throw new Error(`the index ${index} of ${collection.name} is not declared deployment-wide`)
}

/**
 * Reads what `cursorOf` wrote.
 * @throws {DomainError} `invalid_request` for anything else
 */
export function parseCursor(cursor: string): { readonly organizationId: string; readonly id: string } {
  const slash = cursor.indexOf('/')
  if (slash > 0) return { organizationId: cursor.slice(0, slash), id: cursor.slice(slash + 1) }
  throw new DomainError('invalid_request', 'the page continues after a place that is none')
}

/** @throws {Error} for a change that no caller should have made: these are faults of the code, not of a request */
export function checkChanges(changes: readonly Change[]): void {
  const touched = new Set<string>()
  for (const change of changes) {
    const { organizationId, id } = checkChange(change)
    const place = JSON.stringify([change.collection.name, organizationId, id])
    if (touched.has(place)) throw new Error(`one commit changes ${id} of ${change.collection.name} twice`)
    touched.add(place)
  }
}

function checkChange(change: Change): { readonly organizationId: OrganizationId; readonly id: string } {
  const { collection } = change
  switch (change.kind) {
    case 'insert':
      if (change.after.version !== 1)
        throw new Error(`a new document of ${collection.name} begins at version 1`)
      checkTexts(collection, change.after)
      return change.after
    case 'update':
      checkUpdate(collection, change.before, change.after)
      checkTexts(collection, change.after)
      return change.after
    case 'remove':
      checkText(change.before.id, change.before.organizationId)
      return change.before
    default:
      throw new Error(`unknown change: ${change satisfies never}`)
  }
}

function checkUpdate({ name, appendOnly }: Change['collection'], before: Stored, after: Stored): void {
  if (appendOnly) throw new Error(`${name} is append-only: its documents are never updated`)
  if (after.version !== before.version + 1) throw new Error(`an update in ${name} raises the version by one`)
  if (after.id !== before.id || after.organizationId !== before.organizationId)
    throw new Error(`an update in ${name} keeps the document's id and organization`)
}

function checkTexts(collection: Change['collection'], document: Stored): void {
  checkText(document.id, document.organizationId)
  checkText(...indexEntries(collection, document).map(({ key }) => key))
}

/** @throws {Error} for a name, count or time that no counter has; less than nothing takes back */
export function checkAddition({ name, organizationId, windowAt, count }: CounterAddition): void {
  checkCounterName(name, organizationId)
  if (!Number.isSafeInteger(count)) throw new Error(`a counter counts whole things, not ${count}`)
  checkTime(windowAt)
}

/** @throws {Error} for a name, count or time that no counter has */
export function checkCounting(additions: readonly CounterAddition[], marks: readonly LatestMark[]): void {
  for (const addition of additions) {
    checkAddition(addition)
    if (addition.count < 0) throw new Error(`a counter grows by a count, not ${addition.count}`)
  }
  for (const { name, organizationId, at } of marks) {
    checkCounterName(name, organizationId)
    checkTime(at)
  }
}

function checkCounterName(name: string, organizationId: OrganizationId): void {
  checkText(name, organizationId)
  if (name.length > counterNameLengthMax)
    throw new Error(`a counter's name has up to ${counterNameLengthMax} characters`)
}

function checkTime(at: number): void {
  if (!Number.isSafeInteger(at)) throw new Error(`a time is whole milliseconds since 1970, not ${at}`)
}

/** @throws {Error} for an entry that no caller should have made; `invalid_request` for text that cannot be kept */
export function checkEntries<T extends Stored>(collection: Collection<T>, entries: readonly T[]): void {
  if (collection.appendOnly === undefined) throw new Error(`${collection.name} is not append-only`)
  for (const entry of entries) {
    if (entry.version !== 1) throw new Error(`an entry of ${collection.name} is never changed`)
    checkTexts(collection, entry)
  }
}

/** @throws {Error} if the index is of the other kind; `invalid_request` for a page that is none */
export function checkTrailPage<T extends Stored>(
  collection: Collection<T>,
  index: string,
  key: string,
  { limit, before, from }: TrailPage,
  kind: 'organization' | 'deployment',
): void {
  checkIndex(collection, index)
  const isDeploymentWide = collection.indexes[index]?.deploymentWide !== undefined
  if (isDeploymentWide !== (kind === 'deployment'))
    throw new Error(`the index ${index} of ${collection.name} is not one of the ${kind}`)
  checkLimit(limit)
  checkText(key, before, from)
}
