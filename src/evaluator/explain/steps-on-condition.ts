import type { Circumstances } from '../circumstances.ts'
import { nearestResource } from '../find-resource.ts'
import { shapeAt, sourceOf } from '../request/request-source.ts'
import { requestValues } from '../request/request-values.ts'
import { type Atom, atomOf } from '../where/atom.ts'
import { compileCondition } from '../where/compile-condition.ts'
import type { Condition, Predicate, RequestVariable, Variable } from '../where/condition.ts'
import { foldTag } from '../where/fold-tag.ts'
import { type Bound, type Test, textOf } from '../where/value-test.ts'
import type { Obstacle, Step } from './obstacle.ts'
import { isSecret } from './shown-values.ts'
import { circumstancesOf } from './try-statement.ts'

/** So many ways are looked at for each part of a condition. */
const waysMax = 6

interface Holding {
  readonly obstacle: Obstacle
  readonly circumstances: Circumstances
}

/** Steps that may make a condition true. Which ones do, deciding anew tells. */
export function stepsToHold(obstacle: Obstacle, condition: Condition): readonly Step[] {
  const circumstances = circumstancesOf(obstacle.of)
  if (typeof circumstances === 'string') return []
  return waysTo({ obstacle, circumstances }, condition, 'true')
}

function waysTo(holding: Holding, condition: Condition, wanted: 'true' | 'false'): readonly Step[] {
  if (compileCondition(condition)(holding.circumstances) === wanted) return [[]]
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const needsAll = (condition.kind === 'and') === (wanted === 'true')
      return needsAll
        ? allOf(condition.of.map((part) => waysTo(holding, part, wanted)))
        : oneOf(holding, condition.of, wanted)
    }
    case 'not':
      return waysTo(holding, condition.of, wanted === 'true' ? 'false' : 'true')
    default:
      return testWays(holding, condition, wanted)
  }
}

/** The first ways that are found: a condition may have hundreds of parts. */
function oneOf(holding: Holding, parts: readonly Condition[], wanted: 'true' | 'false'): readonly Step[] {
  const ways: Step[] = []
  for (const part of parts) {
    if (ways.length >= waysMax) break
    ways.push(...waysTo(holding, part, wanted))
  }
  return ways.slice(0, waysMax)
}

/** One way of each. */
function allOf(several: readonly (readonly Step[])[]): readonly Step[] {
  return several.reduce<readonly Step[]>(
    (combined, ways) => combined.flatMap((step) => ways.map((way) => [...step, ...way])).slice(0, waysMax),
    [[]],
  )
}

function testWays(holding: Holding, predicate: Predicate, wanted: 'true' | 'false'): readonly Step[] {
  const { atom, negated } = atomOf(predicate)
  // What must not be has no one value that it could be instead.
  if (negated === (wanted === 'true')) return []
  switch (atom.kind) {
    case 'test':
      return valuesOf(atom.test).flatMap((value) => setWays(holding, atom.variable, value))
    case 'pair':
      return atom.operator === '=' ? pairWays(holding, atom) : []
    case 'absence':
      return removeWays(holding, atom.variable)
    case 'constant':
      return []
    default:
      throw new Error(`unknown atom: ${atom satisfies never}`)
  }
}

/** A few values that pass a test. */
function valuesOf(test: Test): readonly string[] {
  switch (test.kind) {
    case 'one_of':
      return test.literals.slice(0, 2).map(textOf)
    case 'like':
      return [test.text]
    case 'within': {
      const { low, high } = test.interval
      return [numberBeside(low, 1), numberBeside(high, -1)].flatMap((value) => value ?? []).slice(0, 1)
    }
    default:
      throw new Error(`unknown test: ${test satisfies never}`)
  }
}

function numberBeside(bound: Bound | undefined, step: 1 | -1): string | undefined {
  if (bound === undefined || Number.isNaN(bound.at.whole)) return undefined
  return String(bound.closed ? bound.at.whole : bound.at.whole + step)
}

function pairWays(holding: Holding, { left, right }: Extract<Atom, { kind: 'pair' }>): readonly Step[] {
  if (isSecret(left) || isSecret(right)) return []
  return [
    ...firstValue(holding, right).flatMap((value) => setWays(holding, left, value)),
    ...firstValue(holding, left).flatMap((value) => setWays(holding, right, value)),
  ]
}

/** What a variable has now, if it may be told. */
function firstValue({ obstacle }: Holding, variable: Variable): readonly string[] {
  const { caller, request } = obstacle.of
  switch (variable.of) {
    case 'principal':
      return [{ id: caller.id, kind: caller.kind, organization: caller.organizationId }[variable.name]]
    case 'principalTags':
      return tagValue(caller.tags, variable.key)
    case 'resourceTags':
      return tagValue(resourceAt(obstacle)?.tags, variable.key)
    case 'request': {
      const values = requestValues(request, variable)
      const isBody = sourceOf(variable, request.operation)?.in === 'body'
      const [first] = typeof values === 'string' || isBody ? [] : values
      return first === undefined || typeof first === 'object' ? [] : [String(first)]
    }
    default:
      throw new Error(`unknown variable: ${variable satisfies never}`)
  }
}

function tagValue(tags: Readonly<Record<string, readonly string[]>> = {}, key: string): readonly string[] {
  const folded = foldTag(key)
  return Object.entries(tags).flatMap(([other, [value]]) =>
    foldTag(other) === folded && value !== undefined ? [value] : [],
  )
}

function resourceAt({ giving, situation, tried, of }: Obstacle) {
  const { name, fact } = nearestResource(giving.model, situation.facts, tried.match, of.caller.organizationId)
  return name === undefined || fact === undefined ? undefined : { name, tags: fact.tags }
}

function setWays({ obstacle }: Holding, variable: Variable, value: string): readonly Step[] {
  if (isSecret(variable)) return []
  switch (variable.of) {
    case 'principal':
      return []
    case 'principalTags':
      return [[{ kind: 'tag_principal', key: variable.key, value }]]
    case 'resourceTags': {
      const resource = resourceAt(obstacle)
      if (resource === undefined) return []
      return [[{ kind: 'tag_resource', resource: resource.name, key: variable.key, value }]]
    }
    case 'request':
      return sendWays(obstacle.of, variable, value)
    default:
      throw new Error(`unknown variable: ${variable satisfies never}`)
  }
}

/** Of a path, another value would be another resource. */
function sendWays({ request }: Obstacle['of'], variable: RequestVariable, value: string): readonly Step[] {
  const source = sourceOf(variable, request.operation)
  if (source?.in === 'query') return [[{ kind: 'send', in: 'query', field: [source.name], value }]]
  if (source?.in !== 'body' || request.body.kind !== 'json') return []
  const shape = shapeAt(source.shape, source.path)?.shape
  return [[{ kind: 'send', in: 'body', field: source.path, value: typed(value, shape) }]]
}

function typed(value: string, shape: unknown): string | number | boolean {
  if (shape === 'integer' || shape === 'number') return Number(value)
  return shape === 'boolean' ? value === 'true' : value
}

function removeWays(
  { obstacle }: Holding,
  variable: Extract<Atom, { kind: 'absence' }>['variable'],
): readonly Step[] {
  switch (variable.of) {
    case 'principalTags':
      return [[{ kind: 'untag_principal', key: variable.key }]]
    case 'resourceTags': {
      const resource = resourceAt(obstacle)
      return resource === undefined
        ? []
        : [[{ kind: 'untag_resource', resource: resource.name, key: variable.key }]]
    }
    case 'request':
      return [[{ kind: 'send_no_more', field: variable.path }]]
    default:
      throw new Error(`unknown variable: ${variable satisfies never}`)
  }
}
