import type { Atom } from './atom.ts'
import { isTag, type TagVariable } from './condition.ts'
import type { ConditionFacts } from './condition-facts.ts'
import { foldTag } from './fold-tag.ts'
import type { Truth } from './truth.ts'
import { textOf } from './value-test.ts'

/**
 * What most conditions are made of, each in one closure that looks at little: that a tag is one of some texts, or has a
 * value of another. Each comes out as `overValues` and `comparePair` would have it. `undefined`: it is something else. There may be a million of them in a process.
 */
export function tagCondition(atom: Atom): ((facts: ConditionFacts) => Truth) | undefined {
  if (atom.kind === 'test' && isTag(atom.variable) && atom.test.kind === 'one_of') {
    const texts = new Set(atom.test.literals.map((literal) => foldTag(textOf(literal))))
    const [only = ''] = texts
    // Most name one text: without a set of its own it takes half the memory, and is asked faster.
    return texts.size === 1 ? isText(atom.variable, only) : isOneOf(atom.variable, texts)
  }
  if (atom.kind === 'pair' && atom.operator === '=' && isTag(atom.left) && isTag(atom.right))
    return haveOneValue(atom.left, atom.right)
  return undefined
}

type Of = TagVariable['of']

function valuesOf(facts: ConditionFacts, of: Of, folded: string): readonly string[] | undefined {
  return (of === 'resourceTags' ? facts.resourceTags : facts.principalTags)?.get(folded)
}

function isText({ of, key }: TagVariable, text: string): (facts: ConditionFacts) => Truth {
  const folded = foldTag(key)
  return (facts) => {
    const values = valuesOf(facts, of, folded)
    if (values === undefined) return 'unknown'
    return values.includes(text) ? 'true' : 'false'
  }
}

function isOneOf({ of, key }: TagVariable, texts: ReadonlySet<string>): (facts: ConditionFacts) => Truth {
  const folded = foldTag(key)
  return (facts) => {
    const values = valuesOf(facts, of, folded)
    if (values === undefined) return 'unknown'
    for (const value of values) if (texts.has(value)) return 'true'
    return 'false'
  }
}

function haveOneValue(left: TagVariable, right: TagVariable): (facts: ConditionFacts) => Truth {
  const [ofLeft, ofRight] = [left.of, right.of]
  const [leftKey, rightKey] = [foldTag(left.key), foldTag(right.key)]
  return (facts) => {
    const values = valuesOf(facts, ofLeft, leftKey)
    const others = valuesOf(facts, ofRight, rightKey)
    if (values === undefined || others === undefined) return 'unknown'
    for (const value of values) if (others.includes(value)) return 'true'
    return 'false'
  }
}
