import type { Change, ChangedItem, Stored } from './ports.ts'

/** What the feed says of a change: every store writes it with the commit, the cache drops by it. */
export function changedItem(change: Change): ChangedItem {
  const { collection } = change
  const { organizationId, id } = documentOf(change)
  const located = new Set<string>()
  for (const [name, index] of Object.entries(collection.indexes)) {
    if (index.deploymentWide === undefined) continue
    for (const document of statesOf(change))
      for (const key of index.keys(document)) located.add(`${name}:${key}`)
  }
  const { name, revision } = collection
  const item = { organizationId, collection: name, id, located: [...located] }
  return revision === undefined ? item : { ...item, revision }
}

function documentOf(change: Change): Stored {
  return change.kind === 'remove' ? change.before : change.after
}

function statesOf(change: Change): readonly Stored[] {
  switch (change.kind) {
    case 'insert':
      return [change.after]
    case 'update':
      return [change.before, change.after]
    case 'remove':
      return [change.before]
    default:
      throw new Error(`unknown change: ${change satisfies never}`)
  }
}
