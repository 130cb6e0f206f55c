import { type Atom, atomOf } from './atom.ts'
import type { CompiledCondition } from './compile-condition.ts'
import type { Condition, RequestVariable, TagVariable, Variable } from './condition.ts'
import type { ConditionFacts, RequestReading } from './condition-facts.ts'
import type { Decimal } from './decimal.ts'
import { foldTag } from './fold-tag.ts'
import type { TagSet } from './tag-set.ts'
import { type Interval, type Test, textOf } from './value-test.ts'

/** Which of several alternatives is made to be so. */
type Choice = 'first' | 'last'

/** Nobody writes these. */
const stranger = '\u2205'
const otherStranger = '\u2205\u2205'

/** Facts of which a condition is true, and how often they were asked for one. */
export interface Witness extends ConditionFacts {
  readonly asked: number
}

/**
 * Facts of which a condition is true, if some are found at once: two at most. They show that it can hold; and what is not
 * true of them does not follow from it, which is much sooner known than proven.
 */
export function witnessesOf(condition: Condition, compiled: CompiledCondition): readonly Witness[] {
  const choices: readonly Choice[] = ['first', 'last']
  return choices.map((choice) => made(condition, choice)).filter((facts) => compiled(facts) === 'true')
}

function made(condition: Condition, choice: Choice): Witness {
  const facts = new MadeFacts()
  fill(facts, condition, true, choice)
  return facts
}

class MadeFacts implements Witness {
  asked = 0
  readonly #tags = { resourceTags: new Map<string, string[]>(), principalTags: new Map<string, string[]>() }
  readonly #principal = { id: '', kind: 'key' as 'key' | 'user', organizationId: '' }
  readonly #request = new Map<string, string>()

  get resourceTags(): TagSet {
    this.asked++
    return this.#tags.resourceTags
  }

  get principalTags(): TagSet {
    this.asked++
    return this.#tags.principalTags
  }

  get principal(): ConditionFacts['principal'] {
    this.asked++
    return this.#principal
  }

  request(variable: RequestVariable): RequestReading {
    this.asked++
    const value = this.#request.get(keyOf(variable))
    return value === undefined ? 'absent' : [value]
  }

  /** A tag gets another value, anything else this one. */
  say(variable: Variable, value: string): void {
    switch (variable.of) {
      case 'resourceTags':
      case 'principalTags':
        this.#addTag(variable, foldTag(value))
        return
      case 'request':
        this.#request.set(keyOf(variable), value)
        return
      case 'principal':
        if (variable.name === 'id') this.#principal.id = value
        else if (variable.name === 'organization') this.#principal.organizationId = value
        else this.#principal.kind = value === 'key' ? 'key' : 'user'
        return
      default:
        throw new Error(`unknown variable: ${variable satisfies never}`)
    }
  }

  #addTag({ of, key }: TagVariable, value: string): void {
    const folded = foldTag(key)
    const tags = this.#tags[of]
    const values = tags.get(folded)
    if (values === undefined) tags.set(folded, [value])
    else if (!values.includes(value)) values.push(value)
  }
}

function keyOf({ from, path }: RequestVariable): string {
  return JSON.stringify([from ?? null, ...path])
}

function fill(facts: MadeFacts, condition: Condition, holds: boolean, choice: Choice): void {
  switch (condition.kind) {
    case 'or':
    case 'and': {
      const one = condition.of.at(choice === 'first' ? 0 : -1)
      const areAll = (condition.kind === 'and') === holds
      for (const part of areAll || one === undefined ? condition.of : [one]) fill(facts, part, holds, choice)
      return
    }
    case 'not':
      fill(facts, condition.of, !holds, choice)
      return
    default: {
      const { atom, negated } = atomOf(condition)
      fillAtom(facts, atom, holds !== negated, choice)
    }
  }
}

function fillAtom(facts: MadeFacts, atom: Atom, holds: boolean, choice: Choice): void {
  switch (atom.kind) {
    case 'test':
      facts.say(atom.variable, holds ? example(atom.test, choice) : counterexample(atom.variable, atom.test))
      return
    case 'pair': {
      const isOrdered = atom.operator !== '='
      const [less, more] = isOrdered ? ['1', '2'] : [stranger, holds ? stranger : otherStranger]
      facts.say(atom.left, isOrdered && !holds ? more : less)
      facts.say(atom.right, isOrdered && !holds ? less : more)
      return
    }
    case 'absence':
      if (!holds) facts.say(atom.variable, stranger)
      return
    case 'constant':
      return
    default:
      throw new Error(`unknown atom: ${atom satisfies never}`)
  }
}

function example(test: Test, choice: Choice): string {
  switch (test.kind) {
    case 'one_of': {
      const literal = test.literals.at(choice === 'first' ? 0 : -1)
      return literal === undefined ? stranger : textOf(literal)
    }
    case 'like':
      return test.text
    case 'within':
      return numberWithin(test.interval, choice)
    default:
      throw new Error(`unknown test: ${test satisfies never}`)
  }
}

function counterexample(variable: Variable, test: Test): string {
  if (test.kind === 'within') return numberOutside(test.interval)
  const isKind = variable.of === 'principal' && variable.name === 'kind'
  if (!isKind || test.kind !== 'one_of') return stranger
  return test.literals.some((literal) => textOf(literal) === 'key') ? 'user' : 'key'
}

function numberWithin({ low, high }: Interval, choice: Choice): string {
  const [near, far] = choice === 'first' ? [low, high] : [high, low]
  const closed = [near, far].find((bound) => bound?.closed)
  if (closed !== undefined) return printed(closed.at)
  if (low !== undefined) return above(low.at, choice === 'first' ? 'just' : 'far')
  return high === undefined ? '0' : below(high.at, choice === 'first' ? 'just' : 'far')
}

function numberOutside({ low, high }: Interval): string {
  if (high !== undefined) return above(high.at, 'just')
  return low === undefined ? stranger : below(low.at, 'just')
}

function above(at: Decimal, how: 'just' | 'far'): string {
  if (at.sign > 0) return printed(greater(at, how))
  return at.sign < 0 ? '0' : '0.000001'
}

function below(at: Decimal, how: 'just' | 'far'): string {
  if (at.sign < 0) return printed(greater(at, how))
  return at.sign > 0 ? '0' : '-0.000001'
}

/** On the same side of zero, farther from it. */
function greater(at: Decimal, how: 'just' | 'far'): Decimal {
  return how === 'just' ? { ...at, digits: `${at.digits}000001` } : { ...at, scale: at.scale + 1 }
}

function printed({ sign, digits, scale }: Decimal): string {
  return sign === 0 ? '0' : `${sign < 0 ? '-' : ''}0.${digits}e${scale}`
}
