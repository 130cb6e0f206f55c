import type { Condition, Operand, Predicate } from '../../../src/evaluator/where/condition.ts'
import type { ConditionValue, RequestReading } from '../../../src/evaluator/where/condition-facts.ts'
import { naiveCondition, type PlainFacts } from './naive-condition.ts'

type Outcome = ReturnType<typeof naiveCondition>

const texts = [
  'dev',
  'DEV',
  'prod',
  'de',
  '5',
  '5.0',
  '6',
  '7',
  '-1',
  '1e1',
  '10',
  'true',
  '',
  'key',
  'user',
  'x',
  'key_1',
  'org_a',
  'org_b',
  'beside',
]
/** Of the values that conditions and facts of the tests have, all; and some that are beside every one of them. */
export const sentValues: readonly ConditionValue[] = [...texts, -1000, -1, 5, 6, 7, 10, 1000, true, false]
const readings: readonly RequestReading[] = ['absent', 'unusable', ...sentValues.map((value) => [value])]

/**
 * What a condition may come out as where nothing is known of a part of the request: every test that looks there is asked
 * of each value by itself, whatever the others are asked of.
 * @param unread the part's name
 */
export function naiveOutcomes(condition: Condition, facts: PlainFacts, unread: string): ReadonlySet<Outcome> {
  switch (condition.kind) {
    case 'or':
      return combined(condition.of, facts, unread, (parts) =>
        parts.includes(true) ? true : parts.includes(undefined) ? undefined : false,
      )
    case 'and':
      return combined(condition.of, facts, unread, (parts) =>
        parts.includes(false) ? false : parts.includes(undefined) ? undefined : true,
      )
    case 'not': {
      const outcomes = [...naiveOutcomes(condition.of, facts, unread)]
      return new Set(outcomes.map((one) => (one === undefined ? undefined : !one)))
    }
    default:
      return ofTest(condition, facts, unread)
  }
}

function combined(
  parts: readonly Condition[],
  facts: PlainFacts,
  unread: string,
  join: (parts: readonly Outcome[]) => Outcome,
): ReadonlySet<Outcome> {
  const [first = new Set<Outcome>(), ...others] = parts.map((part) => naiveOutcomes(part, facts, unread))
  let all: ReadonlySet<Outcome> = first
  for (const more of others)
    all = new Set([...all].flatMap((one) => [...more].map((other) => join([one, other]))))
  return all
}

function ofTest(test: Predicate, facts: PlainFacts, unread: string): ReadonlySet<Outcome> {
  const isUnread = (operand: Operand) => operand.of === 'request' && operand.path.join(':') === unread
  const asked = (sent: Readonly<Record<string, RequestReading>>, of: Predicate = test) =>
    naiveCondition(of, { ...facts, request: { ...facts.request, ...sent } })
  if (test.kind !== 'comparison' || !isUnread(test.left) || !isUnread(test.right))
    return new Set(readings.map((one) => asked({ [unread]: one })))
  const apart: Predicate = { ...test, right: { of: 'request', path: ['apart'] } }
  return new Set(
    readings.flatMap((one) => readings.map((other) => asked({ [unread]: one, apart: other }, apart))),
  )
}
