import {
  type Between,
  type Condition,
  type ConditionFault,
  conditionBytesMax,
  conditionDepthMax,
  conditionListMax,
  type In,
  type Like,
  type Literal,
  type Operand,
  type Operator,
  operators,
  type Predicate,
} from './condition.ts'
import { faultOfPrinted, faultOfText } from './condition-text.ts'
import { UnreadableCondition } from './cursor.ts'
import { decimalOf } from './decimal.ts'
import { readLikePattern } from './like-pattern.ts'
import { printCondition } from './print-condition.ts'
import { quoted } from './quoted-text.ts'
import { type Token, Tokens } from './tokens.ts'

export type ParsedCondition =
  | { readonly condition: Condition }
  /** At least one; in the order of the text. */
  | { readonly faults: readonly ConditionFault[] }

/**
 * The one spelling of a text is at most three times as long, as where each sign gets a space on either side, and a code
 * unit is at most three bytes: of a text of so many code units it need not be written to see that it is not too long.
 */
const surelyShort = conditionBytesMax / 9

/**
 * Reads a condition, by recursive descent without a step back: its time grows with the length of the text alone.
 * Whatever the text, it answers and does not throw.
 */
export function parseCondition(text: string): ParsedCondition {
  const unfit = faultOfText(text)
  if (unfit !== undefined) return { faults: [unfit] }
  const tokens = new Tokens(text)
  const condition = readWhole(tokens)
  const faults = tokens.cursor.faults.toSorted((a, b) => a.offset - b.offset)
  if (condition === undefined || faults.length > 0) return { faults }
  if (text.length <= surelyShort) return { condition }
  const tooLong = faultOfPrinted(printCondition(condition))
  return tooLong === undefined ? { condition } : { faults: [tooLong] }
}

/** `undefined` if a fault ended the reading. */
function readWhole(tokens: Tokens): Condition | undefined {
  try {
    tokens.advance()
    const condition = readOr(tokens, 0)
    if (tokens.current.kind !== 'end')
      tokens.refuse('AND, OR or the end', 'join two comparisons by AND or OR')
    return condition
  } catch (error) {
    if (error instanceof UnreadableCondition) return undefined
    throw error
  }
}

function readOr(tokens: Tokens, depth: number): Condition {
  const parts = [readAnd(tokens, depth)]
  while (tokens.takesKeyword('OR')) parts.push(readAnd(tokens, depth))
  return joined('or', parts)
}

function readAnd(tokens: Tokens, depth: number): Condition {
  const parts = [readNot(tokens, depth)]
  while (tokens.takesKeyword('AND')) parts.push(readNot(tokens, depth))
  return joined('and', parts)
}

/** Parentheses that do not matter leave no trace: `(a OR b) OR c` is `a OR b OR c`. */
function joined(kind: 'or' | 'and', parts: readonly Condition[]): Condition {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  if (!parts.some((part) => part.kind === kind)) return { kind, of: parts }
  return { kind, of: parts.flatMap((part) => (part.kind === kind ? part.of : [part])) }
}

function readNot(tokens: Tokens, depth: number): Condition {
  return tokens.takesKeyword('NOT')
    ? { kind: 'not', of: readPrimary(tokens, depth) }
    : readPrimary(tokens, depth)
}

function readPrimary(tokens: Tokens, depth: number): Condition {
  const { offset } = tokens.current
  if (!tokens.takesSymbol('(')) return readPredicate(tokens)
  if (depth >= conditionDepthMax)
    tokens.cursor.refuse(
      offset,
      `more than ${conditionDepthMax} parentheses are open`,
      'make it several statements, any of which may allow',
    )
  const condition = readOr(tokens, depth + 1)
  if (!tokens.takesSymbol(')')) tokens.refuse('AND, OR or )', 'close the parenthesis')
  return condition
}

function readPredicate(tokens: Tokens): Predicate {
  const start = tokens.current
  const operand = readOperand(tokens)
  if (tokens.current.kind === 'symbol') return readComparison(tokens, start, operand)
  if (tokens.takesKeyword('IS')) {
    const negated = tokens.takesKeyword('NOT')
    if (!tokens.takesKeyword('NULL')) tokens.refuse('NULL', 'write IS NULL or IS NOT NULL')
    return { kind: 'is_null', negated, operand }
  }
  const negated = tokens.takesKeyword('NOT')
  if (tokens.takesKeyword('IN')) return readIn(tokens, operand, negated)
  if (tokens.takesKeyword('LIKE')) return readLike(tokens, operand, negated)
  if (tokens.takesKeyword('BETWEEN')) return readBetween(tokens, start, operand, negated)
  return tokens.refuse('a comparison', `write ${operators.join(', ')}, IN, LIKE, BETWEEN or IS NULL`)
}

function readComparison(tokens: Tokens, start: Token, left: Operand): Predicate {
  const operator = operatorOf(tokens.current)
  if (operator === undefined) return tokens.refuse('a comparison', `write one of ${operators.join(', ')}`)
  tokens.advance()
  const end = tokens.current
  const right = readOperand(tokens)
  if (operator !== '=' && operator !== '!=') {
    checkIsNumber(tokens, start, left, operator)
    checkIsNumber(tokens, end, right, operator)
  }
  return { kind: 'comparison', left, operator, right }
}

function operatorOf(token: Token): Operator | undefined {
  if (token.kind !== 'symbol') return undefined
  return token.text === '<>' ? '!=' : operators.find((operator) => operator === token.text)
}

function readIn(tokens: Tokens, operand: Operand, negated: boolean): In {
  const { offset } = tokens.current
  if (!tokens.takesSymbol('(')) tokens.refuse('a list', "write it in parentheses: IN ('dev', 'test')")
  const literals = [readLiteral(tokens)]
  while (tokens.takesSymbol(',')) literals.push(readLiteral(tokens))
  if (!tokens.takesSymbol(')')) tokens.refuse(', or )', 'put commas between the values, ) at the end')
  if (literals.length > conditionListMax) {
    const fix = 'put the values into a tag, or ask for a range or a common beginning'
    tokens.cursor.report(offset, `the list has more than ${conditionListMax} values`, fix)
  }
  return { kind: 'in', negated, operand, literals }
}

function readLike(tokens: Tokens, operand: Operand, negated: boolean): Like {
  const token = tokens.current
  if (token.kind !== 'text') return tokens.refuse('a pattern', "write it in quotes: LIKE 'team-%'")
  tokens.advance()
  const pattern = readLikePattern(token.text)
  if ('match' in pattern) return { kind: 'like', negated, operand, ...pattern }
  tokens.cursor.report(token.offset, pattern.message, pattern.fix)
  return { kind: 'like', negated, operand, text: '', match: 'whole' }
}

function readBetween(tokens: Tokens, start: Token, operand: Operand, negated: boolean): Between {
  checkIsNumber(tokens, start, operand, 'BETWEEN')
  const low = readBound(tokens)
  if (!tokens.takesKeyword('AND')) tokens.refuse('AND', 'write BETWEEN 1 AND 10')
  return { kind: 'between', negated, operand, low, high: readBound(tokens) }
}

function readBound(tokens: Tokens): Literal {
  const token = tokens.current
  const literal = readLiteral(tokens)
  checkIsNumber(tokens, token, literal, 'BETWEEN')
  return literal
}

function checkIsNumber(tokens: Tokens, token: Token, operand: Operand, operator: string): void {
  if (operand.of === 'boolean' || (operand.of === 'text' && decimalOf(operand.text) === undefined)) {
    const shown = operand.of === 'text' ? quoted(operand.text.slice(0, 40).toWellFormed()) : 'a truth value'
    const fix = 'write a number, or compare with =, IN or LIKE'
    tokens.cursor.report(token.offset, `${operator} compares numbers, and ${shown} is none`, fix)
  }
}

function readOperand(tokens: Tokens): Operand {
  if (tokens.current.kind !== 'variable') return readLiteral(tokens)
  const { variable } = tokens.current
  tokens.advance()
  return variable
}

function readLiteral(tokens: Tokens): Literal {
  const token = tokens.current
  if (token.kind === 'text' || token.kind === 'number') {
    tokens.advance()
    return { of: token.kind, text: token.text }
  }
  if (tokens.takesKeyword('TRUE')) return { of: 'boolean', value: true }
  if (tokens.takesKeyword('FALSE')) return { of: 'boolean', value: false }
  if (token.kind === 'keyword' && token.text === 'NULL')
    return tokens.refuse('a value', 'ask for absence by IS NULL')
  return token.kind === 'variable'
    ? tokens.refuse('a text, a number, TRUE or FALSE', 'compare with a variable by = or <, joined by OR')
    : tokens.refuse('a variable, a text or a number', "write $resourceTags:env, 'dev' or 10")
}
