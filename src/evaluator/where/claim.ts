import { type Atom, atomOf } from './atom.ts'
import type { Condition, Literal, Variable } from './condition.ts'
import { decimalKey } from './decimal.ts'
import { foldTag } from './fold-tag.ts'
import { spellingOf } from './over-values.ts'
import { type Bound, type Test, textOf, type ValueTest, valueTest } from './value-test.ts'

/**
 * What must be so for a condition to be true: that predicates are true, or false, which unknown ones are not. So what is
 * said here is either so or not. Claims with the same key say the same.
 */
export type Claim = Fact | Joined

export interface Joined {
  readonly kind: 'all' | 'any'
  readonly of: readonly Claim[]
  readonly key: string
}

export type Fact = {
  /** The predicate is true; else it is false. */
  readonly holds: boolean
  readonly key: string
} & (
  | { readonly kind: 'test'; readonly about: Subject; readonly test: Test; readonly ask: ValueTest }
  | { readonly kind: 'absence'; readonly about: Subject }
  | { readonly kind: 'pair'; readonly abouts: readonly [Subject, Subject]; readonly isEquality: boolean }
)

/** A variable, by a text that is the same for the same variable. */
export interface Subject {
  readonly key: string
  readonly variable: Variable
}

export function claimOf(condition: Condition, holds = true): Claim {
  switch (condition.kind) {
    case 'or':
    case 'and':
      return joined(
        (condition.kind === 'or') === holds ? 'any' : 'all',
        condition.of.map((part) => claimOf(part, holds)),
      )
    case 'not':
      return claimOf(condition.of, !holds)
    default: {
      const { atom, negated } = atomOf(condition)
      return claimOfAtom(atom, holds !== negated)
    }
  }
}

function joined(kind: 'all' | 'any', parts: readonly Claim[]): Claim {
  const flat = parts.flatMap((part) => (part.kind === kind ? part.of : [part]))
  const of = new Map(merged(kind, flat).map((part) => [part.key, part]))
  const [only] = of.values()
  if (only !== undefined && of.size === 1) return only
  return { kind, of: [...of.values()], key: `${kind}(${[...of.keys()].sort().join()})` }
}

/** `= 'x' OR = 'y'` is `IN ('x', 'y')`, but for a list of the request; `!= 'x' AND != 'y'` is `NOT IN` for all. */
function merged(kind: 'all' | 'any', parts: readonly Claim[]): readonly Claim[] {
  const lists = new Map<string, { readonly about: Subject; readonly literals: Literal[] }>()
  const others: Claim[] = []
  for (const part of parts) {
    if (part.kind !== 'test' || part.test.kind !== 'one_of' || !isMergeable(kind, part)) {
      others.push(part)
      continue
    }
    const list = lists.get(part.about.key) ?? { about: part.about, literals: [] }
    list.literals.push(...part.test.literals)
    lists.set(part.about.key, list)
  }
  const ofLists = Array.from(lists.values(), ({ about, literals }) =>
    testFact(about, { kind: 'one_of', literals }, kind === 'any'),
  )
  return [...ofLists, ...others]
}

function isMergeable(kind: 'all' | 'any', { holds, about }: Extract<Fact, { kind: 'test' }>): boolean {
  return kind === 'any' ? holds && about.variable.of !== 'request' : !holds
}

function testFact(about: Subject, test: Test, holds: boolean): Fact {
  const key = `${holds ? '+' : '-'}${JSON.stringify([about.key, testKey(test)])}`
  return { kind: 'test', holds, key, about, test, ask: valueTest(test, spellingOf(about.variable)) }
}

const always = joined('all', [])
export const never = joined('any', [])

function claimOfAtom(atom: Atom, holds: boolean): Claim {
  const sign = holds ? '+' : '-'
  switch (atom.kind) {
    case 'test': {
      const isFolded = spellingOf(atom.variable) === 'folded'
      return testFact(subject(atom.variable), isFolded ? folded(atom.test) : atom.test, holds)
    }
    case 'absence': {
      const about = subject(atom.variable)
      return { kind: 'absence', holds, key: `${sign}${about.key}`, about }
    }
    case 'pair': {
      const abouts = [subject(atom.left), subject(atom.right)] as const
      const isEquality = atom.operator === '='
      const keys = abouts.map(({ key }) => key)
      const key = `${sign}${JSON.stringify([atom.operator, ...(isEquality ? keys.sort() : keys)])}`
      return { kind: 'pair', holds, key, abouts, isEquality }
    }
    case 'constant':
      return atom.truth === String(holds) ? always : never
    default:
      throw new Error(`unknown atom: ${atom satisfies never}`)
  }
}

function subject(variable: Variable): Subject {
  return { key: JSON.stringify(parts(variable)), variable }
}

function parts(variable: Variable): readonly unknown[] {
  switch (variable.of) {
    case 'resourceTags':
    case 'principalTags':
      return [variable.of, foldTag(variable.key)]
    case 'principal':
      return [variable.of, variable.name]
    case 'request':
      return [variable.of, variable.from ?? null, ...variable.path]
    default:
      throw new Error(`unknown variable: ${variable satisfies never}`)
  }
}

function folded(test: Test): Test {
  switch (test.kind) {
    case 'one_of':
      return {
        kind: 'one_of',
        literals: test.literals.map((literal) => ({ of: 'text', text: foldTag(textOf(literal)) })),
      }
    case 'like':
      return { ...test, text: foldTag(test.text) }
    case 'within':
      return test
    default:
      throw new Error(`unknown test: ${test satisfies never}`)
  }
}

function testKey(test: Test): readonly unknown[] {
  switch (test.kind) {
    case 'one_of':
      return [...new Set(test.literals.map(textOf))].sort()
    case 'like':
      return [test.match, { like: test.text }]
    case 'within':
      return [{ low: boundKey(test.interval.low), high: boundKey(test.interval.high) }]
    default:
      throw new Error(`unknown test: ${test satisfies never}`)
  }
}

function boundKey(bound: Bound | undefined): readonly unknown[] | null {
  return bound === undefined ? null : [decimalKey(bound.at), bound.closed]
}
