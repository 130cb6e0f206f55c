import type { Fault } from '../errors.ts'
import type { Statement } from '../evaluator/model.ts'
import { nearest } from '../evaluator/nearest.ts'
import { isTag, type TagVariable } from '../evaluator/where/condition.ts'
import { foldTag } from '../evaluator/where/fold-tag.ts'
import { parseCondition } from '../evaluator/where/parse-condition.ts'
import { printVariable } from '../evaluator/where/variable-name.ts'
import { variablesOf } from '../evaluator/where/variables-of.ts'
import type { OrganizationId, ServiceId } from '../ids.ts'
import { Pace } from '../services/pace.ts'
import { isReservedTagKey } from '../services/principal-tags.ts'
import type { TagKeysInUse } from '../services/tag-keys-in-use.ts'

const warningsMax = 20

interface Kept {
  readonly organizationId: OrganizationId
  readonly serviceId: ServiceId
  readonly allow: readonly Statement[]
}

/**
 * Tags in conditions that nobody has, where somebody has one that is called almost so. Told and not refused: a tag may
 * come after the condition that asks for it.
 * @returns with pointers into the role as it is kept
 */
export async function tagKeyWarnings(
  tagKeysInUse: readonly TagKeysInUse[],
  { organizationId, serviceId, allow }: Kept,
): Promise<readonly Fault[]> {
  const asked = await tagsIn(allow)
  if (asked.length === 0) return []
  const answers = await Promise.all(tagKeysInUse.map((ask) => ask(organizationId, serviceId)))
  const inUse = Map.groupBy(answers, ({ of }) => of)
  const warnings = asked.flatMap(({ variable, pointer }): readonly Fault[] => {
    const keys = (inUse.get(variable.of) ?? []).flatMap(({ keys }) => keys)
    const byFolded = new Map(keys.map((key) => [foldTag(key), key]))
    const meant = byFolded.has(foldTag(variable.key)) ? undefined : nearest(variable.key, byFolded.values())
    if (meant === undefined) return []
    const whose = variable.of === 'resourceTags' ? 'resource' : 'principal'
    const detail = `no ${whose} that was looked at has the tag that ${printVariable(variable)} asks for`
    return [{ pointer, detail, fix: `did you mean ${printVariable({ ...variable, key: meant })}?` }]
  })
  return warnings.slice(0, warningsMax)
}

interface AskedTag {
  readonly variable: TagVariable
  readonly pointer: string
}

/** The tags that conditions ask for, each where it is asked for first. */
async function tagsIn(allow: readonly Statement[]): Promise<readonly AskedTag[]> {
  const pace = new Pace()
  const asked = new Map<string, AskedTag>()
  for (const [i, { where }] of allow.entries()) {
    if (where?.includes('Tags:') !== true) continue
    await pace.goesOn(where.length)
    const parsed = parseCondition(where)
    for (const variable of 'condition' in parsed ? variablesOf(parsed.condition) : []) {
      if (!isTag(variable)) continue
      const name = `${variable.of} ${foldTag(variable.key)}`
      if (asked.has(name) || isReservedTagKey(variable.key)) continue
      asked.set(name, { variable, pointer: `/allow/${i}/where` })
    }
  }
  return [...asked.values()]
}
