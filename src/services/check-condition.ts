import type { Operation } from '../evaluator/model.ts'
import { type CheckedVariable, checkRequestVariable } from '../evaluator/request/check-request-variable.ts'
import {
  isLiteral,
  type Literal,
  type Operand,
  type Predicate,
  type RequestVariable,
  type TagVariable,
  type Variable,
} from '../evaluator/where/condition.ts'
import { operandsOf, type PlacedPredicate } from '../evaluator/where/predicates-of.ts'
import { quoted } from '../evaluator/where/quoted-text.ts'
import { numberOf, textOf } from '../evaluator/where/value-test.ts'
import { printVariable } from '../evaluator/where/variable-name.ts'
import { isReservedTagKey, tagKeyLengthMax } from './principal-tags.ts'

/** Who knows the service's resources; a document that is read does not say it. */
export type ResourcesKnown = 'api' | 'latchkey' | 'unsaid'

/** Something that keeps a condition from coming out as its author means it. */
export interface PlacedFault {
  /** Where in the condition's text, in UTF-16 code units. */
  readonly offset: number
  readonly detail: string
  readonly fix: string
}

type Told = Omit<PlacedFault, 'offset'>

/** What the document, and who knows the resources, say against a condition on these operations. */
export function conditionFaults(
  predicates: readonly PlacedPredicate[],
  operations: readonly Operation[],
  resources: ResourcesKnown,
): readonly PlacedFault[] {
  return predicates.flatMap(({ predicate, offsets }) => {
    const variables = operandsOf(predicate).filter((operand) => !isLiteral(operand))
    return variables.flatMap((variable, i) => {
      const told = variableFault(variable, predicate, operations, resources)
      return told === undefined ? [] : [{ offset: offsets[i] ?? 0, ...told }]
    })
  })
}

function variableFault(
  variable: Variable,
  predicate: Predicate,
  operations: readonly Operation[],
  resources: ResourcesKnown,
): Told | undefined {
  switch (variable.of) {
    case 'resourceTags':
      return tagKeyFault(variable) ?? resourceFault(operations, resources)
    case 'principalTags':
      return tagKeyFault(variable)
    case 'principal':
      return variable.name === 'kind' ? kindFault(predicate) : undefined
    case 'request':
      return requestFault(variable, predicate, operations)
    default:
      throw new Error(`unknown variable: ${variable satisfies never}`)
  }
}

function tagKeyFault({ of, key }: TagVariable): Told | undefined {
  const shown = quoted(key.slice(0, 40).toWellFormed())
  if (key.length > tagKeyLengthMax)
    return {
      detail: `the tag key ${shown}… is too long`,
      fix: `a key has at most ${tagKeyLengthMax} characters`,
    }
  if (key.trim() !== key || /\p{C}/u.test(key))
    return { detail: `no tag has the key ${shown}`, fix: 'write it without spaces around it' }
  // Principals have no tag of Latchkey's own, so that the condition would wait for it for ever.
  if (of === 'principalTags' && isReservedTagKey(key))
    return { detail: `no principal has the tag ${shown}: it is a resource's`, fix: 'write $resourceTags' }
  return undefined
}

function resourceFault(operations: readonly Operation[], resources: ResourcesKnown): Told | undefined {
  if (resources === 'api')
    return {
      detail: 'the service knows its resources itself, so that no condition on their tags holds',
      fix: 'have the owner of the service say `resources: latchkey`, or leave it out',
    }
  const without = operations.find(({ resourceParameter }) => resourceParameter === undefined)
  if (without === undefined) return undefined
  return {
    detail: `${without.id} acts on no resource, so that no condition on its tags holds`,
    fix: 'put the operation into a statement of its own',
  }
}

function kindFault(predicate: Predicate): Told | undefined {
  const other = literalsOf(predicate).find((literal) => !['key', 'user'].includes(textOf(literal)))
  if (other === undefined) return undefined
  return { detail: `a principal's kind is never ${quoted(textOf(other))}`, fix: "write 'key' or 'user'" }
}

/** Every operation of the statement must declare the variable, or the condition would never hold for one of them. */
function requestFault(
  variable: RequestVariable,
  predicate: Predicate,
  operations: readonly Operation[],
): Told | undefined {
  for (const operation of operations) {
    const checked = checkRequestVariable(variable, operation)
    if ('detail' in checked) return checked
    const told = typeFault(variable, checked.type, predicate)
    if (told !== undefined) return told
  }
  return undefined
}

function typeFault(
  variable: RequestVariable,
  type: CheckedVariable['type'],
  predicate: Predicate,
): Told | undefined {
  if (predicate.kind === 'is_null' || type === 'any' || type === 'string') return undefined
  const printed = printVariable(variable)
  if (type === 'object')
    return {
      detail: `${printed} is an object, which has no value to compare`,
      fix: 'name a field of it, or ask for its absence by IS NULL',
    }
  if (predicate.kind === 'like')
    return { detail: `${printed} is a ${type}, and LIKE compares texts`, fix: 'compare with = or IN' }
  return type === 'boolean' ? booleanFault(printed, predicate) : numberFault(printed, type, predicate)
}

function booleanFault(printed: string, predicate: Predicate): Told | undefined {
  const fix = 'compare with = TRUE or = FALSE'
  if (isOrdering(predicate)) return { detail: `${printed} is a truth value, and this compares numbers`, fix }
  const other = literalsOf(predicate).find((literal) => !['true', 'false'].includes(textOf(literal)))
  return other && { detail: `${printed} is a truth value, never ${quoted(textOf(other))}`, fix }
}

function numberFault(printed: string, type: string, predicate: Predicate): Told | undefined {
  const other = literalsOf(predicate).find((literal) => numberOf(literal) === undefined)
  if (other === undefined) return undefined
  const detail = `${printed} is a${type === 'integer' ? 'n integer' : ' number'}, never ${quoted(textOf(other))}`
  return { detail, fix: 'compare with a number' }
}

function isOrdering(predicate: Predicate): boolean {
  if (predicate.kind === 'between') return true
  return predicate.kind === 'comparison' && !['=', '!='].includes(predicate.operator)
}

function literalsOf(predicate: Predicate): readonly Literal[] {
  switch (predicate.kind) {
    case 'comparison':
      return [predicate.left, predicate.right].filter((operand: Operand) => isLiteral(operand))
    case 'in':
      return predicate.literals
    case 'between':
      return [predicate.low, predicate.high]
    case 'like':
    case 'is_null':
      return []
    default:
      throw new Error(`unknown predicate: ${predicate satisfies never}`)
  }
}
