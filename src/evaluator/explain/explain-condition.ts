import type { Circumstances } from '../circumstances.ts'
import type { RequestAtHand } from '../request/request-at-hand.ts'
import { sourceOf } from '../request/request-source.ts'
import { requestValues } from '../request/request-values.ts'
import { compileCondition } from '../where/compile-condition.ts'
import { type Condition, isLiteral, type Predicate, type Variable } from '../where/condition.ts'
import { foldTag } from '../where/fold-tag.ts'
import { operandsOf } from '../where/predicates-of.ts'
import { printCondition } from '../where/print-condition.ts'
import type { TagSet } from '../where/tag-set.ts'
import { mayBeTrue } from '../where/truth.ts'
import { printVariable } from '../where/variable-name.ts'
import type {
  DecisiveTest,
  ExplainedCondition,
  FailedCondition,
  ShownValues,
  ToldTruth,
} from './explanation.ts'
import { isSecret, maskedPredicate, shownTag, shownValues } from './shown-values.ts'

/** So many parts are told with their values: a condition may have hundreds. */
const decisiveMax = 20

/** Why a condition did not come out as true, part by part. */
export function explainCondition(
  condition: Condition,
  circumstances: Circumstances,
  request: RequestAtHand,
): FailedCondition {
  const decisive = decisiveTests(condition, circumstances, 'true').slice(0, decisiveMax)
  return {
    tree: explained(condition, circumstances, 'true'),
    decisive: decisive.map(({ predicate, truth }) => ({
      ...{ text: textOf(predicate), truth },
      variables: variablesOf(predicate, circumstances, request),
    })),
  }
}

/** What a part must come out as for the whole to hold. */
type Wanted = 'true' | 'false'

const other = { true: 'false', false: 'true' } as const

/** Where the body decides whether it does not come out as is wanted, or is unknown, it is unknown: it is one or the other. */
function truthOf(condition: Condition, circumstances: Circumstances, wanted: Wanted): ToldTruth {
  const truth = compileCondition(condition)(circumstances)
  if (truth !== 'never_true' && truth !== 'never_false') return truth
  return mayBeTrue(truth) === (wanted === 'true') ? 'body_required' : 'unknown'
}

function explained(condition: Condition, circumstances: Circumstances, wanted: Wanted): ExplainedCondition {
  const truth = truthOf(condition, circumstances, wanted)
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const of = condition.of.map((part) => explained(part, circumstances, wanted))
      return { kind: condition.kind, truth, of }
    }
    case 'not':
      return { kind: 'not', truth, of: explained(condition.of, circumstances, other[wanted]) }
    default:
      return { kind: 'test', text: textOf(condition), truth }
  }
}

function textOf(predicate: Predicate): string {
  return printCondition(maskedPredicate(predicate))
}

interface Decisive {
  readonly predicate: Predicate
  readonly truth: ToldTruth
}

/** The tests by which a condition came out as it did: of an `and`, the parts that came out alike. */
function decisiveTests(
  condition: Condition,
  circumstances: Circumstances,
  wanted: Wanted,
): readonly Decisive[] {
  const truth = truthOf(condition, circumstances, wanted)
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const decisive = condition.of.filter((part) => truthOf(part, circumstances, wanted) === truth)
      return decisive.flatMap((part) => decisiveTests(part, circumstances, wanted))
    }
    case 'not':
      return decisiveTests(condition.of, circumstances, other[wanted])
    default:
      return [{ predicate: condition, truth }]
  }
}

function variablesOf(
  predicate: Predicate,
  circumstances: Circumstances,
  request: RequestAtHand,
): DecisiveTest['variables'] {
  return operandsOf(predicate).flatMap((operand) =>
    isLiteral(operand)
      ? []
      : [{ name: printVariable(operand), values: valuesOf(operand, circumstances, request) }],
  )
}

function valuesOf(
  variable: Variable,
  { principal, principalTags, resource }: Circumstances,
  request: RequestAtHand,
): ShownValues {
  switch (variable.of) {
    case 'principalTags':
      return tagOf(principalTags, variable.key)
    case 'resourceTags':
      return resource === undefined
        ? { kind: 'none', why: 'not_known' }
        : tagOf(resource.of.tagging.tags, variable.key)
    case 'principal':
      return shownValues([
        { id: principal.id, kind: principal.kind, organization: principal.organizationId }[variable.name],
      ])
    case 'request': {
      const values = requestValues(request, variable)
      if (values === 'ambiguous_request') return { kind: 'none', why: 'ambiguous' }
      if (typeof values === 'string') return { kind: 'none', why: values }
      if (sourceOf(variable, request.operation)?.in === 'body') return { kind: 'hidden', why: 'body' }
      return isSecret(variable) ? { kind: 'hidden', why: 'secret' } : shownValues(values)
    }
    default:
      throw new Error(`unknown variable: ${variable satisfies never}`)
  }
}

function tagOf(tags: TagSet, key: string): ShownValues {
  return shownTag(key, tags.get(foldTag(key)))
}
