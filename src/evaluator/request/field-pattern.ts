/** One step of a pattern: a name, or any one name. */
export type PatternStep = string | typeof anyName

/** `*` in a pattern: one name, whichever. */
export const anyName = Symbol('*')

/** Fields of a request or a response: the one that its steps lead to, and all that is under it. */
export type FieldPattern = readonly [PatternStep, ...PatternStep[]]

/** What means something in a pattern, and has a backslash before it in a name. */
const escaped = /[\\.*]/

const patternLengthMax = 512
const patternStepsMax = 32

export type ParsedPattern =
  | { readonly pattern: FieldPattern }
  | { readonly detail: string; readonly fix: string }

/**
 * Reads `nodeGroups.maxSize` or `vpc.subnets.*`: names with dots between them, `*` for any one name. A backslash before
 * a dot, an asterisk or a backslash makes it a part of the name: `a\.b` is one name. Lists need no step of their own.
 */
export function parseFieldPattern(text: string): ParsedPattern {
  if (text.length > patternLengthMax)
    return { detail: `a field has at most ${patternLengthMax} characters`, fix: 'name what is above it' }
  const steps: PatternStep[] = []
  for (const written of writtenSteps(text)) {
    const step = stepOf(written)
    if (typeof step === 'object') return step
    steps.push(step)
  }
  const [first, ...rest] = steps
  if (first === undefined || steps.length > patternStepsMax)
    return { detail: `a field has at most ${patternStepsMax} names`, fix: 'name what is above it' }
  return { pattern: [first, ...rest] }
}

/** What stands between dots, still with its backslashes. */
function writtenSteps(text: string): readonly string[] {
  if (!text.includes('\\')) return text.split('.')
  const steps: string[] = []
  let start = 0
  for (let i = 0; i <= text.length; i++) {
    if (text[i] === '\\' && i + 1 < text.length) i++
    else if (i === text.length || text[i] === '.') {
      steps.push(text.slice(start, i))
      start = i + 1
    }
  }
  return steps
}

function stepOf(written: string): PatternStep | { readonly detail: string; readonly fix: string } {
  if (written === '*') return anyName
  if (written === '')
    return { detail: 'a name is missing', fix: 'write names with one dot between them: metadata.name' }
  if (!escaped.test(written)) return written
  let name = ''
  for (let i = 0; i < written.length; i++) {
    if (written[i] === '*')
      return { detail: '* stands for a whole name', fix: 'write \\* where it is part of a name' }
    if (written[i] === '\\') {
      i++
      if (!['.', '*', '\\'].includes(written[i] ?? ''))
        return { detail: 'a backslash stands before a dot, * or \\', fix: 'write \\\\ for a backslash' }
    }
    name += written[i]
  }
  return name
}

/** The one spelling of a pattern, or of the place of a field. */
export function printFieldPattern(steps: readonly PatternStep[]): string {
  return steps.map((step) => (step === anyName ? '*' : printed(step))).join('.')
}

function printed(name: string): string {
  return escaped.test(name) ? name.replace(/[\\.*]/g, '\\$&') : name
}
