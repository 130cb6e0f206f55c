import { type Atom, atomOf } from './atom.ts'
import { comparePair } from './compare-pair.ts'
import type { Condition } from './condition.ts'
import type { ConditionFacts, Truth } from './condition-facts.ts'
import { isAbsent, overValues, spellingOf } from './over-values.ts'
import { tagCondition } from './tag-condition.ts'
import { valueTest } from './value-test.ts'

export type CompiledCondition = (facts: ConditionFacts) => Truth

/**
 * Makes a condition ready to be asked: closures over what could be worked out beforehand, in Kleene's logic of three
 * values. The fourth, `body_required`, stands for one that the body would tell: where the outcome is another, it is the
 * same with any body.
 */
export function compileCondition(condition: Condition): CompiledCondition {
  switch (condition.kind) {
    case 'or':
      return some(condition.of.map(compileCondition))
    case 'and':
      return every(condition.of.map(compileCondition))
    case 'not':
      return opposite(compileCondition(condition.of))
    default: {
      const { atom, negated } = atomOf(condition)
      const compiled = tagCondition(atom) ?? compileAtom(atom)
      return negated ? opposite(compiled) : compiled
    }
  }
}

function some(parts: readonly CompiledCondition[]): CompiledCondition {
  return (facts) => {
    let truth: Truth = 'false'
    for (const part of parts) {
      const one = part(facts)
      if (one === 'true') return one
      if (one !== 'false' && truth !== 'body_required') truth = one
    }
    return truth
  }
}

function every(parts: readonly CompiledCondition[]): CompiledCondition {
  return (facts) => {
    let truth: Truth = 'true'
    for (const part of parts) {
      const one = part(facts)
      if (one === 'false') return one
      if (one !== 'true' && truth !== 'body_required') truth = one
    }
    return truth
  }
}

function opposite(of: CompiledCondition): CompiledCondition {
  return (facts) => {
    const truth = of(facts)
    if (truth === 'true') return 'false'
    return truth === 'false' ? 'true' : truth
  }
}

function compileAtom(atom: Atom): CompiledCondition {
  switch (atom.kind) {
    case 'test': {
      const compiled = overValues(atom.variable, valueTest(atom.test, spellingOf(atom.variable)))
      return (facts) => compiled(facts, '')
    }
    case 'pair':
      return comparePair(atom)
    case 'absence':
      return isAbsent(atom.variable)
    case 'constant':
      return () => atom.truth
    default:
      throw new Error(`unknown atom: ${atom satisfies never}`)
  }
}
