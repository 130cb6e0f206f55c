import fc from 'fast-check'
import type {
  Condition,
  Literal,
  Operand,
  Predicate,
  Variable,
} from '../../../src/evaluator/where/condition.ts'
import type { ConditionFacts, RequestReading } from '../../../src/evaluator/where/condition-facts.ts'
import { compileTags } from '../../../src/evaluator/where/tag-set.ts'
import type { PlainFacts } from './naive-condition.ts'

/** Few keys and values, so that random conditions meet each other and the facts. */
const tagKeys = ['env', 'size', 'Team']
const requestNames = ['a', 'b']
const words = ['dev', 'DEV', 'prod', 'de', '5', '5.0', '7', 'true', '']
const numbers = ['5', '5.0', '6', '7', '-1', '1e1']

const text: fc.Arbitrary<Literal> = fc.constantFrom(...words).map((one) => ({ of: 'text', text: one }))
const number: fc.Arbitrary<Literal> = fc.constantFrom(...numbers).map((one) => ({ of: 'number', text: one }))
const truth: fc.Arbitrary<Literal> = fc.boolean().map((value) => ({ of: 'boolean', value }))
const fewLiterals = fc.oneof({ weight: 3, arbitrary: text }, { weight: 3, arbitrary: number }, truth)

const fewVariables: fc.Arbitrary<Variable> = fc.oneof(
  fc.record({
    of: fc.constantFrom('resourceTags', 'principalTags'),
    key: fc.constantFrom(...tagKeys),
  }),
  fc.record({ of: fc.constant('principal'), name: fc.constantFrom('id', 'kind', 'organization') }),
  fc.record({ of: fc.constant('request'), path: fc.constantFrom(...requestNames).map((name) => [name]) }),
)

/** Predicates such as the parser makes, over these variables and literals. */
export function predicates(
  variables: fc.Arbitrary<Variable>,
  literals: fc.Arbitrary<Literal>,
): fc.Arbitrary<Predicate> {
  const operand: fc.Arbitrary<Operand> = fc.oneof(
    { weight: 4, arbitrary: variables },
    { weight: 1, arbitrary: literals },
  )
  const numeric: fc.Arbitrary<Operand> = fc.oneof(
    { weight: 2, arbitrary: variables },
    { weight: 1, arbitrary: number },
  )
  const negated = fc.boolean()
  return fc.oneof(
    fc.record({
      kind: fc.constant('comparison'),
      left: operand,
      operator: fc.constantFrom('=', '!='),
      right: fc.oneof({ weight: 2, arbitrary: literals }, { weight: 1, arbitrary: operand }),
    }),
    fc.record({
      kind: fc.constant('comparison'),
      left: numeric,
      operator: fc.constantFrom('<', '<=', '>', '>='),
      right: fc.oneof({ weight: 2, arbitrary: number }, { weight: 1, arbitrary: numeric }),
    }),
    fc.record({
      kind: fc.constant('in'),
      negated,
      operand,
      literals: fc.array(literals, { minLength: 1, maxLength: 3 }),
    }),
    fc
      .record({
        kind: fc.constant('like'),
        negated,
        operand,
        text: literals.map((one) => ('text' in one ? one.text : '')),
        match: fc.constantFrom('whole', 'start', 'end', 'anywhere'),
      })
      .map((like) => ({
        ...like,
        match: like.text === '' && like.match !== 'whole' ? 'anywhere' : like.match,
      })),
    fc.record({ kind: fc.constant('between'), negated, operand: numeric, low: number, high: number }),
    fc.record({ kind: fc.constant('is_null'), negated, operand }),
  )
}

/** Conditions such as the parser makes: no `or` directly within an `or`, no `and` within an `and`. */
export function conditions(predicate: fc.Arbitrary<Predicate>, depth = 3): fc.Arbitrary<Condition> {
  if (depth === 0) return predicate
  const part = conditions(predicate, depth - 1)
  return fc.oneof(
    { weight: 2, arbitrary: predicate },
    { weight: 2, arbitrary: joined('or', part) },
    { weight: 2, arbitrary: joined('and', part) },
    { weight: 1, arbitrary: part.map((of): Condition => ({ kind: 'not', of })) },
  )
}

function joined(kind: 'or' | 'and', part: fc.Arbitrary<Condition>): fc.Arbitrary<Condition> {
  return fc
    .array(part, { minLength: 2, maxLength: 3 })
    .map((parts) => ({ kind, of: parts.flatMap((one) => (one.kind === kind ? one.of : [one])) }))
}

export const fewConditions = conditions(predicates(fewVariables, fewLiterals))

/** Small conditions on one tag, one field or the caller's kind: most have something to do with each other. */
export const closeConditions = fc
  .constantFrom<Variable[]>(
    { of: 'resourceTags', key: 'size' },
    { of: 'request', path: ['a'] },
    { of: 'principal', name: 'kind' },
    { of: 'principal', name: 'id' },
  )
  .map((variable) => conditions(predicates(fc.constant(variable), fewLiterals), 1))

const tagValues = fc.array(fc.constantFrom(...words.map((word) => word.toLowerCase())), {
  minLength: 1,
  maxLength: 3,
})
const tags = fc.option(
  fc
    .tuple(
      ...tagKeys.map((key) => fc.option(tagValues.map((values) => [key.toUpperCase(), values] as const))),
    )
    .map((entries) => Object.fromEntries(entries.filter((entry) => entry !== null))),
  { freq: 5, nil: undefined },
)
const requestValue = fc.oneof(
  fc.constantFrom(...words),
  fc.constantFrom(...numbers).map(Number),
  fc.boolean(),
)
export const readings: fc.Arbitrary<RequestReading> = fc.oneof(
  { weight: 4, arbitrary: fc.array(requestValue, { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom('absent', 'unusable') },
  { weight: 1, arbitrary: fc.constant([]) },
)

export const fewFacts: fc.Arbitrary<PlainFacts> = fc.record({
  resourceTags: tags,
  principalTags: tags,
  principal: fc.record({
    id: fc.constantFrom(...words),
    kind: fc.constantFrom('key', 'user'),
    organizationId: fc.constantFrom(...words),
  }),
  request: fc.record(Object.fromEntries(requestNames.map((name) => [name, readings]))),
})

/** The same facts, as a compiled condition asks for them. */
export function factsOf(plain: PlainFacts): ConditionFacts {
  return {
    resourceTags: plain.resourceTags && compileTags(plain.resourceTags),
    principalTags: plain.principalTags && compileTags(plain.principalTags),
    principal: plain.principal,
    request: ({ path }) => {
      const name = path.join(':')
      return Object.hasOwn(plain.request, name) ? (plain.request[name] ?? 'absent') : 'absent'
    },
  }
}
