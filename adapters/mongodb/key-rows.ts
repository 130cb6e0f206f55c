import { type IndexEntry, indexEntries } from '../../src/storage/index-entries.ts'
import type { Change, Collection, Stored } from '../../src/storage/ports.ts'
import { type Held, type KeyRow, organizationPart } from './tables.ts'

/** What the record itself is listed under. */
export function listedKey(index: string, key: string): string {
  return `${index}:${key}`
}

/** The `_id` of the one holder of a key in a unique deployment-wide index. */
export function uniqueKeyId(collection: string, index: string, key: string): string {
  return `${collection}/${index}:${key}`
}

/**
 * What the `_id`s of all holders of a key in another deployment-wide index begin with; organization and id follow, in
 * whose order they sort. The length says where the key ends, whatever it contains.
 */
export function sharedKeyPrefix(collection: string, index: string, key: string): string {
  return `${collection}/${index}:${key.length}:${key} `
}

export function sharedKeyId(prefix: string, organizationId: string, id: string): string {
  // A space sorts before all that an organization's id is made of.
  return `${prefix}${organizationPart(organizationId)} ${id}`
}

export interface NamedKeyRow extends KeyRow {
  /** The declared index, for the error that names it. */
  readonly index: string
}

/** The rows of a document, where there is more to keep than the record's own list. */
export interface KeyRows {
  readonly inOrganization: readonly NamedKeyRow[]
  readonly inDeployment: readonly NamedKeyRow[]
  readonly listed: readonly string[]
}

function keyRows<T extends Stored>(collection: Collection<T>, document: T): KeyRows {
  const { organizationId, id } = document
  const entries = indexEntries(collection, document)
  const rowsWhere = (is: (entry: IndexEntry) => boolean, idOf: (entry: IndexEntry) => string) =>
    entries.filter(is).map((entry) => ({ _id: idOf(entry), organizationId, id, index: entry.index }))
  return {
    listed: entries.map(({ index, key }) => listedKey(index, key)),
    inOrganization: rowsWhere(
      ({ uniqueness }) => uniqueness === 'organization',
      ({ index, key }) => `${organizationPart(organizationId)}/${uniqueKeyId(collection.name, index, key)}`,
    ),
    inDeployment: rowsWhere(
      ({ deploymentWide }) => deploymentWide,
      ({ index, key, uniqueness }) =>
        uniqueness === 'deployment'
          ? uniqueKeyId(collection.name, index, key)
          : sharedKeyId(sharedKeyPrefix(collection.name, index, key), organizationId, id),
    ),
  }
}

export function heldOf({ inOrganization, inDeployment }: KeyRows): Held {
  return {
    inOrganization: inOrganization.map(({ _id }) => _id),
    inDeployment: inDeployment.map(({ _id }) => _id),
  }
}

/** The rows that the document of a change has once it is committed. */
export function keyRowsAfter(change: Change): KeyRows {
  if (change.kind === 'remove') return { listed: [], inOrganization: [], inDeployment: [] }
  return keyRows(change.collection, change.after)
}
