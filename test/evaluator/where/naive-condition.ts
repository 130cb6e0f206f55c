import type { Condition, Literal, Operand, Predicate } from '../../../src/evaluator/where/condition.ts'
import type { ConditionValue, RequestReading } from '../../../src/evaluator/where/condition-facts.ts'

/** Facts as anybody would write them down. */
export interface PlainFacts {
  readonly resourceTags: Readonly<Record<string, readonly string[]>> | undefined
  readonly principalTags: Readonly<Record<string, readonly string[]>> | undefined
  readonly principal: { readonly id: string; readonly kind: 'key' | 'user'; readonly organizationId: string }
  readonly request: Readonly<Record<string, RequestReading>>
}

/** True, false, unknown. */
type Kleene = true | false | undefined

/** An operand's values with how many of them must hold; `undefined`: none to compare. */
type Values =
  | {
      readonly quantifier: 'any' | 'all'
      readonly isTag: boolean
      readonly values: readonly ConditionValue[]
    }
  | undefined

/** The rules said plainly, for facts whose body is at hand and numbers that a `number` holds exactly. */
export function naiveCondition(condition: Condition, facts: PlainFacts): Kleene {
  switch (condition.kind) {
    case 'or': {
      const parts = condition.of.map((part) => naiveCondition(part, facts))
      return parts.includes(true) ? true : parts.includes(undefined) ? undefined : false
    }
    case 'and': {
      const parts = condition.of.map((part) => naiveCondition(part, facts))
      return parts.includes(false) ? false : parts.includes(undefined) ? undefined : true
    }
    case 'not':
      return not(naiveCondition(condition.of, facts))
    default:
      return predicate(condition, facts)
  }
}

const not = (value: Kleene): Kleene => (value === undefined ? undefined : !value)

function predicate(condition: Predicate, facts: PlainFacts): Kleene {
  switch (condition.kind) {
    case 'comparison': {
      const { left, operator, right } = condition
      const ask = (a: ConditionValue, b: ConditionValue, tags: boolean) => compared(operator, a, b, tags)
      const answer = pair(valuesOf(left, facts), valuesOf(right, facts), ask)
      return operator === '!=' ? not(answer) : answer
    }
    case 'in': {
      const answers = condition.literals.map((literal) =>
        predicate({ kind: 'comparison', left: condition.operand, operator: '=', right: literal }, facts),
      )
      // A list of the request's values holds if each is one of the literals, so one value is asked at a time.
      const values = valuesOf(condition.operand, facts)
      const answer =
        values?.quantifier === 'all'
          ? every(values.values.map((value) => condition.literals.some((one) => equals(value, one, false))))
          : answers.includes(true)
            ? true
            : answers[0]
      return condition.negated ? not(answer) : answer
    }
    case 'like': {
      const values = valuesOf(condition.operand, facts)
      const answer = quantified(values, (value) => {
        if (typeof value !== 'string') return undefined
        const [whole, part] = values?.isTag ? [fold(value), fold(condition.text)] : [value, condition.text]
        if (condition.match === 'whole') return whole === part
        if (condition.match === 'start') return whole.startsWith(part)
        return condition.match === 'end' ? whole.endsWith(part) : whole.includes(part)
      })
      return condition.negated ? not(answer) : answer
    }
    case 'between': {
      const answer = quantified(valuesOf(condition.operand, facts), (value) => {
        const [n, low, high] = [value, literalValue(condition.low), literalValue(condition.high)].map(numeric)
        return n === undefined || low === undefined || high === undefined ? undefined : low <= n && n <= high
      })
      return condition.negated ? not(answer) : answer
    }
    case 'is_null': {
      const answer = isNull(condition.operand, facts)
      return condition.negated ? not(answer) : answer
    }
    default:
      throw new Error(`unknown predicate: ${condition satisfies never}`)
  }
}

function isNull(operand: Operand, facts: PlainFacts): Kleene {
  if (operand.of === 'resourceTags' || operand.of === 'principalTags') {
    const tags = facts[operand.of]
    return tags === undefined ? undefined : valuesOf(operand, facts) === undefined
  }
  if (operand.of !== 'request') return false
  const reading = facts.request[operand.path.join(':')] ?? 'absent'
  if (reading === 'absent') return true
  return reading === 'unusable' || reading.length === 0 ? undefined : false
}

function valuesOf(operand: Operand, facts: PlainFacts): Values {
  switch (operand.of) {
    case 'resourceTags':
    case 'principalTags': {
      const entries = Object.entries(facts[operand.of] ?? {}).filter(
        ([key]) => fold(key) === fold(operand.key),
      )
      const values = entries.flatMap(([, some]) => some).map(fold)
      return values.length === 0 ? undefined : { quantifier: 'any', isTag: true, values }
    }
    case 'principal': {
      const value = facts.principal[operand.name === 'organization' ? 'organizationId' : operand.name]
      return { quantifier: 'all', isTag: false, values: [value] }
    }
    case 'request': {
      const reading = facts.request[operand.path.join(':')] ?? 'absent'
      if (typeof reading === 'string' || reading.length === 0) return undefined
      return { quantifier: 'all', isTag: false, values: reading }
    }
    default:
      return { quantifier: 'all', isTag: false, values: [literalValue(operand)] }
  }
}

function quantified(values: Values, ask: (value: ConditionValue) => Kleene): Kleene {
  if (values === undefined) return undefined
  const answers = values.values.map(ask)
  return values.quantifier === 'all' ? every(answers) : some(answers)
}

function some(answers: readonly Kleene[]): Kleene {
  return answers.includes(true) ? true : answers.includes(undefined) ? undefined : false
}

/** True if every one is, false if none is, else unknown. */
function every(answers: readonly Kleene[]): Kleene {
  if (answers.every((one) => one === true)) return true
  return answers.every((one) => one === false) ? false : undefined
}

function pair(
  left: Values,
  right: Values,
  ask: (a: ConditionValue, b: ConditionValue, tags: boolean) => Kleene,
): Kleene {
  if (left === undefined || right === undefined) return undefined
  const tags = left.isTag || right.isTag
  if (left.quantifier === 'any') return quantified(right, (b) => quantified(left, (a) => ask(a, b, tags)))
  if (left.values.length > 1 && right.quantifier === 'all' && right.values.length > 1) return undefined
  return quantified(left, (a) => quantified(right, (b) => ask(a, b, tags)))
}

function compared(operator: string, a: ConditionValue, b: ConditionValue, tags: boolean): Kleene {
  if (operator === '=' || operator === '!=') {
    if (typeof a === 'string' && typeof b === 'string') return tags ? fold(a) === fold(b) : a === b
    if (typeof a === 'boolean' || typeof b === 'boolean') return `${a}` === `${b}`
    return numeric(a) !== undefined && numeric(a) === numeric(b)
  }
  const [left, right] = [numeric(a), numeric(b)]
  if (left === undefined || right === undefined) return undefined
  if (left === right) return operator.endsWith('=')
  return operator.startsWith('<') === left < right
}

function equals(value: ConditionValue, literal: Literal, tags: boolean): boolean {
  return compared('=', value, literalValue(literal), tags) === true
}

/** Literals are texts: `10` is not `10.0`, unless a number of the request is compared with them. */
function literalValue(literal: Literal): ConditionValue {
  return literal.of === 'boolean' ? `${literal.value}` : literal.text
}

function numeric(value: ConditionValue): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return undefined
  return /^-?(0|[1-9]\d*)(\.\d+)?(e-?\d+)?$/.test(value) ? Number(value) : undefined
}

const fold = (text: ConditionValue) => `${text}`.toLowerCase()
