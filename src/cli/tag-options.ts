import { Failure } from './failure.ts'

/** Tags, as options write them: `ward=north`, a key once for each of its values. */
export function tagsOf(texts: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const tags = new Map<string, string[]>()
  for (const text of texts) {
    const cut = text.indexOf('=')
    if (cut < 1)
      throw new Failure(`${text} is no tag`, {
        exitCode: 2,
        fix: 'write it as key=value, such as ward=north',
      })
    const key = text.slice(0, cut)
    tags.set(key, [...(tags.get(key) ?? []), text.slice(cut + 1)])
  }
  return Object.fromEntries(tags)
}
