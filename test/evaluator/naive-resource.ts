import type { Operation, ResourceFact, Tags } from '../../src/evaluator/model.ts'

interface PlainLevel {
  readonly name: string
  /** What comes after it in the template, without the names of parameters. */
  readonly after: string
}

/** The resources that a path leads to, the nearest first. For ids that need no encoding. */
export function naiveNames(
  { path, resourceParameter }: Operation,
  parameters: Readonly<Record<string, string>>,
): readonly PlainLevel[] {
  if (resourceParameter === undefined) return []
  const levels: PlainLevel[] = []
  const segments = path.split('/')
  let name = ''
  for (const [index, segment] of segments.entries()) {
    if (index > 0) name += '/'
    const parameter = segment.startsWith('{') ? segment.slice(1, -1) : undefined
    name += parameter === undefined ? segment : `{${parameters[parameter]}}`
    if (parameter === undefined) continue
    const rest = segments.slice(index + 1).map((one) => (one.startsWith('{') ? '/{}' : `/${one}`))
    levels.unshift({ name, after: rest.join('') || '/' })
    if (parameter === resourceParameter) break
  }
  return levels
}

const isAccessTag = (key: string) => key.toLowerCase().startsWith('access-tag:')

export function naiveStanding(
  { owner, tags }: ResourceFact,
  caller: string,
  method: string,
  after: string,
  anyone: boolean,
): 'owned' | 'shared' | 'strange' {
  if (owner === caller) return 'owned'
  for (const [key, organizations] of Object.entries(tags)) {
    if (!isAccessTag(key)) continue
    const [, of, ...suffix] = key.split(':')
    const written = suffix.join(':').replace(/\{[^}]*\}/g, '{}')
    const isForMethod = of === '*' || of?.toUpperCase() === method
    const isForPath = written === '*' || written.toLowerCase() === after.toLowerCase()
    const isForCaller = organizations.includes(caller) || (anyone && organizations.includes('*'))
    if (isForMethod && isForPath && isForCaller) return 'shared'
  }
  return 'strange'
}

/** Whether the principal has one value of each tag, whatever the letter case. */
export function naiveTagsMatch(resource: Tags, principal: Tags): boolean {
  const folded = (tags: Tags) =>
    Object.entries(tags).flatMap(([key, values]) =>
      values.map((value) => [key, value].map((one) => one.toLowerCase())),
    )
  const own = folded(principal)
  const needed = folded(resource).filter(([key = '']) => !isAccessTag(key) && !key.startsWith('latchkey:'))
  return needed.every(([key]) =>
    needed.some(
      ([other, value]) => other === key && own.some(([mine, has]) => mine === key && has === value),
    ),
  )
}
