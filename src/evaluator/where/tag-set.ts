import { AtHand } from '../at-hand.ts'
import { foldTag } from './fold-tag.ts'

/** Tags as they are compared: folded keys, each with its folded values, at least one and none of them twice. */
export type TagSet = ReadonlyMap<string, readonly string[]>

const shared = new AtHand<TagSet>()

/** The same as `compileTags`, made once for all of whom just these tags are said: principals have few between them. */
export function sharedTags(tags: Readonly<Record<string, readonly string[]>>): TagSet {
  return shared.of(JSON.stringify(tags), () => compileTags(tags))
}

/** What conditions ask of tags. Keys that differ only in letter case are one key; one without values is absent. */
export function compileTags(tags: Readonly<Record<string, readonly string[]>>): TagSet {
  const sets = new Map<string, Set<string>>()
  for (const [key, values] of Object.entries(tags)) {
    if (values.length === 0) continue
    const folded = foldTag(key)
    const known = sets.get(folded) ?? new Set()
    for (const value of values) known.add(foldTag(value))
    sets.set(folded, known)
  }
  return new Map(Array.from(sets, ([key, values]) => [key, [...values]]))
}
