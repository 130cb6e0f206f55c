import type { Fault } from '../errors.ts'
import type { ServiceModel } from '../evaluator/model.ts'
import { parseCondition } from '../evaluator/where/parse-condition.ts'
import { variablesOf } from '../evaluator/where/variables-of.ts'
import { jsonPointer } from '../json-text.ts'

/**
 * Conditions on the tags of resources that Latchkey does not know yet: who knows them is said of the service, not in its
 * document, so that it can only be said after the document has come.
 */
export function tagWarnings({ resources, roles }: ServiceModel): readonly Fault[] {
  if (resources === 'latchkey') return []
  return roles
    .filter(({ allow }) => allow.some(({ where }) => where !== undefined && asksForTags(where)))
    .map(({ name }) => ({
      pointer: `/x-latchkey-roles${jsonPointer(name)}`,
      detail: `no condition of ${name} on the tags of a resource holds until the service says resources: latchkey`,
    }))
}

function asksForTags(where: string): boolean {
  const parsed = parseCondition(where)
  return 'condition' in parsed && variablesOf(parsed.condition).some(({ of }) => of === 'resourceTags')
}
