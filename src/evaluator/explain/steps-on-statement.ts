import { fieldsOutside } from './fields-outside.ts'
import type { Obstacle, Step } from './obstacle.ts'
import { readStatement } from './read-statement.ts'
import { stepsToHold } from './steps-on-condition.ts'
import { unmatchedSteps } from './steps-on-resource.ts'
import type { Tried } from './tried.ts'

/** Where more than these are outside, another statement is meant. */
const fieldsMax = 10

/** What would have one statement allow, or come nearer to it. */
export function statementSteps(obstacle: Obstacle, { source, reason }: Tried): readonly Step[] {
  const { statement } = source
  switch (reason) {
    case 'field_not_allowed': {
      const outside = fieldsOutside(statement.fields ?? [], obstacle.of.request)
      if (outside.length > fieldsMax) return []
      return [outside.map(({ names }) => ({ kind: 'send_no_more' as const, field: names }))]
    }
    case 'tag_mismatch':
      return unmatchedSteps(obstacle)
    case 'condition_false':
    case 'condition_unknown': {
      const { condition } = readStatement(statement)
      return condition === undefined ? [] : stepsToHold(obstacle, condition)
    }
    default:
      return []
  }
}
