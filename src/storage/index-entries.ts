import type { Collection, Index, Stored } from './ports.ts'

/** Where one key of one index must be the only one. */
type Uniqueness = 'none' | 'organization' | 'deployment'

/** One key under which a document is listed. */
export interface IndexEntry {
  readonly index: string
  readonly key: string
  readonly uniqueness: Uniqueness
  readonly deploymentWide: boolean
}

/** Every entry of a document in its collection's indexes, each once. */
export function indexEntries<T extends Stored>(
  collection: Collection<T>,
  document: T,
): readonly IndexEntry[] {
  return Object.entries(collection.indexes).flatMap(([index, declared]) =>
    [...new Set(declared.keys(document))].map((key) => ({
      index,
      key,
      uniqueness: uniquenessOf(declared),
      deploymentWide: declared.deploymentWide ?? false,
    })),
  )
}

function uniquenessOf<T>({ unique, deploymentWide }: Index<T>): Uniqueness {
  if (unique === undefined) return 'none'
  return deploymentWide === undefined ? 'organization' : 'deployment'
}
