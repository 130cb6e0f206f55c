import type { Context } from 'koa'
import { z } from 'zod'
import { DomainError, hasCode } from '../../errors.ts'
import { parseWith } from '../../http/parse-with.ts'
import { defaultBodyLimits, readJson } from '../../http/read-body.ts'
import type { Service } from '../../services/service.ts'
import { type EvaluationDeps, evaluate } from '../authzen/evaluate.ts'
import { evaluateAll } from '../authzen/evaluations.ts'
import {
  answerActionSearch,
  answerResourceSearch,
  answerSubjectSearch,
  type SearchDeps,
} from './answer-search.ts'
import {
  type DecisionBody,
  EvaluationBody,
  EvaluationsBody,
  presentEvaluated,
  readEvaluation,
} from './authzen-bodies.ts'
import type { AuthzenOperationId } from './authzen-operations.ts'
import type { Spend } from './spend.ts'

interface Deps extends SearchDeps {
  /** Counts each question of several after the first. */
  readonly spend: Spend
}

/** @throws {DomainError} `invalid_request` with the place of each fault, `stale_bundle`, `rate_limited` */
export async function answerAuthzen(
  deps: Deps,
  ctx: Context,
  operationId: AuthzenOperationId,
  service: Service,
): Promise<void> {
  const body = await readBody(ctx)
  ctx.status = 200
  switch (operationId) {
    case 'evaluateAccess':
      ctx.body = await answerOne(deps, service, body)
      return
    case 'evaluateAccesses':
      ctx.body = await answerSeveral(deps, service, body)
      return
    case 'searchSubjects':
      ctx.body = await answerSubjectSearch(deps, service, body)
      return
    case 'searchResources':
      ctx.body = await answerResourceSearch(deps, service, body)
      return
    case 'searchActions':
      ctx.body = await answerActionSearch(deps, service, body)
      return
    default:
      throw new Error(`unknown operation: ${operationId satisfies never}`)
  }
}

/** §10.1.2 knows 400 alone for what cannot be read. */
async function readBody({ req }: Context): Promise<unknown> {
  try {
    return await readJson(req, defaultBodyLimits)
  } catch (cause) {
    throw hasCode(cause, 'unsupported_media_type') ? unreadable(cause) : cause
  }
}

function unreadable(cause: DomainError): DomainError {
  const fix = 'Send JSON in UTF-8 with Content-Type: application/json.'
  return new DomainError('invalid_request', cause.message, { fix, cause })
}

type Decision = z.input<typeof DecisionBody>

async function answerOne(deps: EvaluationDeps, service: Service, body: unknown): Promise<Decision> {
  const evaluation = readEvaluation(parseWith(EvaluationBody, body, 'body'))
  return presentEvaluated(await evaluate(deps, service, evaluation))
}

/** Without questions of its own it is one question (§7.1). */
async function answerSeveral(deps: Deps, service: Service, body: unknown) {
  const { evaluations = [], options, ...defaults } = parseWith(EvaluationsBody, body, 'body')
  if (evaluations.length === 0) return await answerOne(deps, service, body)
  deps.spend(evaluations.length - 1)
  const answers = await evaluateAll(evaluations, options?.evaluations_semantic ?? 'execute_all', (one) =>
    answerItem(deps, service, defaults, one),
  )
  return { evaluations: answers.map(({ answer }) => answer) }
}

/** What one of several lacks is its own fault, and denies that one (§7.2.1). */
async function answerItem(deps: EvaluationDeps, service: Service, defaults: Members, item: unknown) {
  const read = EvaluationBody.safeParse(withDefaults(defaults, item))
  if (!read.success) {
    const [fault] = read.error.issues
    const message = `${fault?.path.join('.') || 'the evaluation'}: ${fault?.message ?? 'is not readable'}`
    const answer: Decision = { decision: false, context: { error: { status: 400, message } } }
    return { allowed: false, answer }
  }
  const evaluated = await evaluate(deps, service, readEvaluation(read.data))
  return { allowed: evaluated.allowed, answer: presentEvaluated(evaluated) }
}

type Members = Readonly<Record<string, unknown>>

const Members = z.record(z.string(), z.unknown())
const required = ['type', 'id', 'name'] as const

/** An entity replaces the default whole, but for the required members that it leaves out (§7.1.1). */
function withDefaults(defaults: Members, item: unknown): unknown {
  const own = Members.safeParse(item)
  if (!own.success) return item
  const entities = ['subject', 'action', 'resource'].map((name) => [
    name,
    entity(defaults[name], own.data[name]),
  ])
  return { ...Object.fromEntries(entities), context: own.data['context'] ?? defaults['context'] }
}

function entity(general: unknown, own: unknown): unknown {
  if (own === undefined) return general
  const [from, to] = [Members.safeParse(general), Members.safeParse(own)]
  if (!from.success || !to.success) return own
  const left = required.filter((name) => Object.hasOwn(from.data, name) && to.data[name] === undefined)
  return { ...Object.fromEntries(left.map((name) => [name, from.data[name]])), ...to.data }
}
