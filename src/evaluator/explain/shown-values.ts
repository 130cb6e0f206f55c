import { isLiteral, type Operand, type Predicate } from '../where/condition.ts'
import type { ConditionValue } from '../where/condition-facts.ts'
import { operandsOf } from '../where/predicates-of.ts'
import type { ShownValues } from './explanation.ts'

const valuesMax = 10
const lengthMax = 200

/** Parts of names that say that a value is a secret, wherever in the name they stand. */
const secretPart =
  /passw|passphrase|passcode|secret|token|credential|api[-_. ]?key|private[-_. ]?key|authori[sz]ation|signature|cookie|session/i
/** Words that say so where they stand by themselves. */
const secretWord = /(?:^|[^a-z])(?:pwd?|pin|otp|totp|cvv|cvc|ssn|jwt|auth|bearer)(?:$|[^a-z])/i

/** Whether what stands under this name is better not shown. */
export function looksSecret(name: string): boolean {
  return secretPart.test(name) || secretWord.test(name.replace(/([a-z\d])([A-Z])/g, '$1 $2'))
}

/** Whether the names that lead to a variable's values say that they are secret. */
export function isSecret(operand: Operand): boolean {
  switch (operand.of) {
    case 'resourceTags':
    case 'principalTags':
      return looksSecret(operand.key)
    case 'request':
      return operand.path.some(looksSecret)
    default:
      return false
  }
}

export function shownValues(values: readonly ConditionValue[]): ShownValues {
  const shown = values.slice(0, valuesMax).map((value) => cut(textOf(value)))
  return { kind: 'values', values: shown, more: Math.max(0, values.length - valuesMax) }
}

/** The values of a tag, `undefined` if it is not there. */
export function shownTag(key: string, values: readonly string[] | undefined): ShownValues {
  if (values === undefined) return { kind: 'none', why: 'absent' }
  return looksSecret(key) ? { kind: 'hidden', why: 'secret' } : shownValues(values)
}

function textOf(value: ConditionValue): string {
  if (typeof value !== 'object') return String(value)
  return `${value.sign < 0 ? '-' : ''}0.${value.digits}e${value.scale}`
}

function cut(text: string): string {
  return text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text
}

const maskText = '[secret]'
const mask = { of: 'text', text: maskText } as const

/** A predicate without what it holds against a variable that looks secret. */
export function maskedPredicate(predicate: Predicate): Predicate {
  if (!operandsOf(predicate).some(isSecret)) return predicate
  switch (predicate.kind) {
    case 'comparison': {
      const { left, right } = predicate
      return { ...predicate, left: isLiteral(left) ? mask : left, right: isLiteral(right) ? mask : right }
    }
    case 'in':
      return { ...predicate, literals: [mask] }
    case 'like':
      return { ...predicate, text: maskText }
    case 'between':
      return { ...predicate, low: mask, high: mask }
    case 'is_null':
      return predicate
    default:
      throw new Error(`unknown predicate: ${predicate satisfies never}`)
  }
}
