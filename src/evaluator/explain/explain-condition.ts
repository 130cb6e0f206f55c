import type { RequestAtHand } from '../request/request-at-hand.ts'
import { sourceOf } from '../request/request-source.ts'
import { requestValues } from '../request/request-values.ts'
import type { Circumstances } from '../try-statements.ts'
import { compileCondition } from '../where/compile-condition.ts'
import { type Condition, isLiteral, type Predicate, type Variable } from '../where/condition.ts'
import type { Truth } from '../where/condition-facts.ts'
import { foldTag } from '../where/fold-tag.ts'
import { operandsOf } from '../where/predicates-of.ts'
import { printCondition } from '../where/print-condition.ts'
import type { TagSet } from '../where/tag-set.ts'
import { printVariable } from '../where/variable-name.ts'
import type { DecisiveTest, ExplainedCondition, FailedCondition, ShownValues } from './explanation.ts'
import { isSecret, maskedPredicate, shownTag, shownValues } from './shown-values.ts'

/** So many parts are told with their values: a condition may have hundreds. */
const decisiveMax = 20

/** Why a condition did not come out as true, part by part. */
export function explainCondition(
  condition: Condition,
  circumstances: Circumstances,
  request: RequestAtHand,
): FailedCondition {
  const decisive = decisivePredicates(condition, circumstances).slice(0, decisiveMax)
  return {
    tree: explained(condition, circumstances),
    decisive: decisive.map((predicate) => ({
      ...toldTest(predicate, circumstances),
      variables: variablesOf(predicate, circumstances, request),
    })),
  }
}

function truthOf(condition: Condition, circumstances: Circumstances): Truth {
  return compileCondition(condition)(circumstances)
}

function explained(condition: Condition, circumstances: Circumstances): ExplainedCondition {
  const truth = truthOf(condition, circumstances)
  switch (condition.kind) {
    case 'and':
    case 'or':
      return { kind: condition.kind, truth, of: condition.of.map((part) => explained(part, circumstances)) }
    case 'not':
      return { kind: 'not', truth, of: explained(condition.of, circumstances) }
    default:
      return { kind: 'test', ...toldTest(condition, circumstances) }
  }
}

function toldTest(predicate: Predicate, circumstances: Circumstances) {
  return { text: printCondition(maskedPredicate(predicate)), truth: truthOf(predicate, circumstances) }
}

/**
 * The tests by which a condition came out as it did: of an `and`, the parts that came out alike. Where it depends on a body
 * that is not at hand, also what keeps it from `wanted` whatever the body holds: a tag that is missing beside it, say.
 */
function decisivePredicates(
  condition: Condition,
  circumstances: Circumstances,
  wanted: 'true' | 'false' = 'true',
): readonly Predicate[] {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const truth = truthOf(condition, circumstances)
      const needsAll = (condition.kind === 'and') === (wanted === 'true')
      const isDecisive = (one: Truth) =>
        one === truth || (truth === 'body_required' && needsAll && one === 'unknown')
      const decisive = condition.of.filter((part) => isDecisive(truthOf(part, circumstances)))
      return decisive.flatMap((part) => decisivePredicates(part, circumstances, wanted))
    }
    case 'not':
      return decisivePredicates(condition.of, circumstances, wanted === 'true' ? 'false' : 'true')
    default:
      return [condition]
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
