import { type ZodType, z } from 'zod'
import { recordLines } from './output.ts'

/** What the command's exit code says: 1 the server refused, 2 the command was given wrongly, 3 no server. */
export type ExitCode = 1 | 2 | 3

interface FailureOptions {
  readonly exitCode: ExitCode
  readonly fix?: string | undefined
  readonly problem?: Problem
  readonly cause?: unknown
}

/** An end of the command that its user is told of: what is wrong, and what to do. */
export class Failure extends Error {
  readonly exitCode: ExitCode
  readonly fix: string | undefined
  /** What the server answered, word for word. */
  readonly problem: Problem | undefined

  constructor(message: string, options: FailureOptions) {
    super(message, { cause: options.cause })
    this.name = 'Failure'
    this.exitCode = options.exitCode
    this.fix = options.fix
    this.problem = options.problem
  }

  /** The same with another exit code, or something else to do. This one is its cause. */
  with(changes: Partial<Pick<FailureOptions, 'exitCode' | 'fix'>>): Failure {
    const { exitCode, fix, problem } = this
    const kept = { exitCode, fix, ...(problem === undefined ? {} : { problem }) }
    return new Failure(this.message, { ...kept, ...changes, cause: this })
  }
}

/** The parts of an `application/problem+json` answer (RFC 9457) that are shown. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly fix?: string | undefined
  readonly errors?:
    | readonly { readonly pointer: string; readonly detail: string; readonly fix?: string | undefined }[]
    | undefined
  readonly request_id?: string | undefined
  readonly [more: string]: unknown
}

const Problem: ZodType<Problem> = z.looseObject({
  status: z.number(),
  code: z.string(),
  detail: z.string(),
  fix: z.string().optional(),
  errors: z
    .array(z.object({ pointer: z.string(), detail: z.string(), fix: z.string().optional() }))
    .optional(),
  request_id: z.string().optional(),
})

/** Reads a refusal; what is not a problem document (a proxy's page, say) is told by its status. */
export function refusalFrom(status: number, body: unknown): Failure {
  const parsed = Problem.safeParse(body)
  if (!parsed.success)
    return new Failure(`the server answered ${status} without saying why`, {
      exitCode: 1,
      fix: 'check that --server names Latchkey itself, and look into its log',
    })
  const { detail, fix } = parsed.data
  return new Failure(detail, { exitCode: 1, fix, problem: parsed.data })
}

/** What goes to the error stream: the message, each fault, what to do, and the id to find it by in the server's log. */
export function describeFailure(failure: Failure): string {
  const { problem } = failure
  const faults = (problem?.errors ?? []).map(
    ({ pointer, detail, fix }) =>
      `  ${pointer === '' ? '' : `${pointer}: `}${detail}${fix === undefined ? '' : ` (${fix})`}`,
  )
  return [
    problem === undefined ? failure.message : `${failure.message} [${problem.code}]`,
    ...faults,
    ...(problem === undefined ? [] : factLines(problem)),
    ...(failure.fix === undefined ? [] : [`What to do: ${failure.fix}`]),
    ...(problem?.request_id === undefined ? [] : [`Request id: ${problem.request_id}`]),
  ].join('\n')
}

/** Members that every problem has, or that are told elsewhere. */
const known = [
  'type',
  'title',
  'status',
  'code',
  'detail',
  'fix',
  'errors',
  'request_id',
  'changes',
  'confirmation',
]

/** What else a refusal tells: who holds a role, what goes with an organization. */
function factLines(problem: Problem): readonly string[] {
  const facts = Object.entries(problem).filter(([name]) => !known.includes(name))
  return facts.length === 0 ? [] : recordLines(Object.fromEntries(facts)).map((line) => `  ${line}`)
}
