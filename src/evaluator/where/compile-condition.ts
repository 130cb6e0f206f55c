import { type Atom, atomOf } from './atom.ts'
import { comparePair } from './compare-pair.ts'
import type { Condition } from './condition.ts'
import type { ConditionFacts } from './condition-facts.ts'
import { isEmpty } from './interval.ts'
import { isAbsent, overValues, spellingOf } from './over-values.ts'
import { tagCondition } from './tag-condition.ts'
import { both, either, opposite, type Truth } from './truth.ts'
import { type Test, valueTest } from './value-test.ts'

export type CompiledCondition = (facts: ConditionFacts) => Truth

/**
 * Makes a condition ready to be asked: closures over what could be worked out beforehand, in Kleene's logic of three
 * values. Without the body, what the outcome may still be is told, as if each test of the body came out by itself: that
 * two of them ask for the same field, or ask of a number what only a text can be, is not weighed.
 */
export function compileCondition(condition: Condition): CompiledCondition {
  switch (condition.kind) {
    case 'or':
      return some(condition.of.map(compileCondition))
    case 'and':
      return every(condition.of.map(compileCondition))
    case 'not':
      return negation(compileCondition(condition.of))
    default: {
      const { atom, negated } = atomOf(condition)
      const compiled = tagCondition(atom) ?? compileAtom(atom)
      return negated ? negation(compiled) : compiled
    }
  }
}

function some(parts: readonly CompiledCondition[]): CompiledCondition {
  return (facts) => {
    let truth: Truth = 'false'
    for (const part of parts) {
      const one = part(facts)
      if (one === 'true') return one
      if (one !== 'false' && one !== truth) truth = truth === 'false' ? one : either(truth, one)
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
      if (one !== 'true' && one !== truth) truth = truth === 'true' ? one : both(truth, one)
    }
    return truth
  }
}

function negation(of: CompiledCondition): CompiledCondition {
  return (facts) => opposite(of(facts))
}

function compileAtom(atom: Atom): CompiledCondition {
  switch (atom.kind) {
    case 'test': {
      const compiled = overValues(atom.variable, valueTest(atom.test, spellingOf(atom.variable)))
      const unread = whateverIsSent(atom.test)
      if (unread === 'body_required') return (facts) => compiled(facts, '')
      return (facts) => {
        const truth = compiled(facts, '')
        return truth === 'body_required' ? unread : truth
      }
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

/** What a test of a value that is not at hand may come out as: some hold of any value, or of none. */
function whateverIsSent(test: Test): Truth {
  if (test.kind === 'like' && test.text === '' && test.match !== 'whole') return 'never_false'
  return test.kind === 'within' && isEmpty(test.interval) ? 'never_true' : 'body_required'
}
