import { DomainError, type Fault } from '../errors.ts'
import { isObject } from '../services/json-value.ts'
import { parseYaml } from '../services/parse-yaml.ts'
import { readPolicyText } from './policy-text.ts'

/** The content of a role as its author writes it; what it holds is checked by reading it. */
export interface WrittenContent {
  readonly allow?: unknown
  readonly filter?: unknown
  /** The same as one text, in place of the two. */
  readonly policy?: string | undefined
}

/** The parts of a written role, and how faults in them are told. */
export interface WrittenParts {
  readonly allow: unknown
  readonly filter: unknown
  tell(fault: Fault): Fault
}

const depthMax = 16
const partNames = ['allow', 'filter']
/** A statement of YAML or JSON says what its list is; in the published layout a bullet is always an operation. */
const yamlStatement = /(?:^[ \t]*-[ \t]*|\{[ \t]*)["']?(?:operations|where|fields|mask)["']?[ \t]*:/m

/**
 * The statements and filters of a written role. A text is read as YAML or JSON with `allow` and `filter`, or else as the
 * published layout; faults in it are told with their lines.
 * @throws {DomainError} `role_refused` for a text that is neither
 */
export function partsOf({ allow, filter, policy }: WrittenContent): WrittenParts {
  if (policy === undefined) return { allow, filter, tell: (fault) => fault }
  return yamlStatement.test(policy) ? partsOfYaml(policy) : partsOfLayout(policy)
}

function partsOfLayout(policy: string): WrittenParts {
  const { allow, filter, lines, faults } = readPolicyText(policy)
  if (faults.length > 0) throw policyRefused(faults)
  return {
    allow,
    filter: filter.length === 0 ? undefined : filter,
    tell: ({ pointer, ...fault }) => ({
      ...{ ...fault, pointer: '/policy' },
      detail: `line ${lineOf(pointer, lines)}: ${fault.detail}`,
    }),
  }
}

/** Of the nearest part around a place that has one. */
function lineOf(pointer: string, lines: ReadonlyMap<string, number>): number {
  for (let at = pointer; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const line = lines.get(at)
    if (line !== undefined) return line
  }
  return 1
}

function partsOfYaml(policy: string): WrittenParts {
  const parsed = parseYaml(policy.replace(flowOfOperations, quotedFlow), depthMax)
  if (parsed.kind === 'too_deep') throw policyRefused([fault('the policy is nested too deeply')])
  if (parsed.kind === 'refused')
    throw policyRefused(parsed.faults.map((one) => ({ ...one, pointer: '/policy' })))
  const { value } = parsed
  if (!isObject(value)) throw policyRefused([fault('the policy has no allow')])
  const others = Object.keys(value).filter((key) => !partNames.includes(key))
  if (others.length > 0)
    throw policyRefused(
      others.map((key) => fault(`a policy has no ${key}`, `it has ${partNames.join(' and ')}`)),
    )
  return {
    ...{ allow: value['allow'], filter: value['filter'] },
    tell: ({ pointer, ...rest }) => ({ ...rest, pointer: '/policy', detail: `${pointer}: ${rest.detail}` }),
  }
}

/** YAML takes the braces of `[GET /clusters/{clusterId}]` for a map, which nobody means there. */
const flowOfOperations = /\boperations[ \t]*:[ \t]*\[([^[\]'"#\r\n]*)\]/g

function quotedFlow(whole: string, list: string): string {
  if (!list.includes('{')) return whole
  const entries = list.split(',').map((entry) => `'${entry.trim()}'`)
  return `operations: [${entries.join(', ')}]`
}

function fault(detail: string, fix = 'write allow: with a list of statements'): Fault {
  return { pointer: '/policy', detail, fix }
}

function policyRefused(faults: readonly Fault[]): DomainError {
  return new DomainError('role_refused', `the policy was refused: ${faults[0]?.detail ?? ''}`, { faults })
}
