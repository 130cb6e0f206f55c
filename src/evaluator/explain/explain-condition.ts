import type { RequestAtHand } from '../request/request-at-hand.ts'
import { sourceOf } from '../request/request-source.ts'
import { requestValues } from '../request/request-values.ts'
import type { Circumstances } from '../try-statements.ts'
import { compileCondition } from '../where/compile-condition.ts'
import { type Condition, isLiteral, type Predicate, type Variable } from '../where/condition.ts'
import { foldTag } from '../where/fold-tag.ts'
import { printCondition } from '../where/print-condition.ts'
import type { TagSet } from '../where/tag-set.ts'
import { printVariable } from '../where/variable-name.ts'
import type { ExplainedCondition, ExplainedTest, FailedCondition, ShownValues } from './explanation.ts'
import { isSecret, maskedPredicate, operandsOf, shownTag, shownValues } from './shown-values.ts'

/** Why a condition did not come out as true, part by part. */
export function explainCondition(
  condition: Condition,
  circumstances: Circumstances,
  request: RequestAtHand,
): FailedCondition {
  const tree = explained(condition, circumstances, request)
  return { tree, decisive: decisiveTests(tree) }
}

function explained(
  condition: Condition,
  circumstances: Circumstances,
  request: RequestAtHand,
): ExplainedCondition {
  const within = (part: Condition) => explained(part, circumstances, request)
  const truth = compileCondition(condition)(circumstances)
  switch (condition.kind) {
    case 'and':
    case 'or':
      return { kind: condition.kind, truth, of: condition.of.map(within) }
    case 'not':
      return { kind: 'not', truth, of: within(condition.of) }
    default: {
      const text = printCondition(maskedPredicate(condition))
      return { kind: 'test', text, truth, variables: variablesOf(condition, circumstances, request) }
    }
  }
}

function variablesOf(
  predicate: Predicate,
  circumstances: Circumstances,
  request: RequestAtHand,
): ExplainedTest['variables'] {
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
        : tagOf(resource.of.tags, variable.key)
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

/** The tests by which a condition came out as it did: of an `and`, the parts that came out alike. */
function decisiveTests(condition: ExplainedCondition): readonly ExplainedTest[] {
  switch (condition.kind) {
    case 'test':
      return [condition]
    case 'not':
      return decisiveTests(condition.of)
    case 'and':
    case 'or':
      return condition.of.filter(({ truth }) => truth === condition.truth).flatMap(decisiveTests)
    default:
      throw new Error(`unknown condition: ${condition satisfies never}`)
  }
}
