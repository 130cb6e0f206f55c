import type { Context } from 'koa'
import type { z } from 'zod'
import type { Fault } from '../../errors.ts'
import { notTaken, parseWith } from '../../http/parse-with.ts'
import { defaultBodyLimits, readJson } from '../../http/read-body.ts'
import type { AskedSubject } from '../asked-subject.ts'
import type { AskedRequest, ServerDecider, ServerDecision } from '../server-decider.ts'
import { DecideBody, decisionRequest, presentDecision } from './decide-operation.ts'
import type { Spend } from './spend.ts'
import { askedSubject } from './subject-body.ts'

type Body = z.output<typeof DecideBody>

interface Asked {
  readonly subject: AskedSubject
  readonly request: AskedRequest
}

/** So many are decided beside each other: each may ask the store for a resource. */
const besideMax = 50

/**
 * @param spend counts each request of a batch after the first
 * @throws {DomainError} `invalid_request` with the place of each fault, `stale_bundle`, `rate_limited`
 */
export async function answerDecide(decider: ServerDecider, ctx: Context, spend: Spend): Promise<void> {
  const body = parseWith(DecideBody, (await readJson(ctx.req, defaultBodyLimits)) ?? {}, 'body')
  ctx.status = 200
  if (body.requests === undefined) {
    const [asked] = readAsked(body)
    if (asked === undefined) throw new Error('nothing was asked')
    const decision = await decider.decide(asked.subject, asked.request)
    ctx.set('X-Decision-Id', decision.decisionId)
    ctx.body = presentDecision(decision)
    return
  }
  spend(body.requests.length - 1)
  ctx.body = { decisions: (await decideAll(decider, readAsked(body))).map(presentDecision) }
}

async function decideAll(
  decider: ServerDecider,
  asked: readonly Asked[],
): Promise<readonly ServerDecision[]> {
  const decisions: ServerDecision[] = []
  for (let i = 0; i < asked.length; i += besideMax) {
    const some = asked.slice(i, i + besideMax)
    decisions.push(...(await Promise.all(some.map((one) => decider.decide(one.subject, one.request)))))
  }
  return decisions
}

function readAsked({ request, requests, ...common }: Body): readonly Asked[] {
  if ((request === undefined) === (requests === undefined))
    throw notTaken('body', [
      { pointer: '/request', detail: 'is required, or requests in its place', fix: 'Send one of the two.' },
    ])
  const all = requests ?? [{ ...common, request }]
  const faults: Fault[] = []
  const asked = all.flatMap(({ request, ...own }, i): readonly Asked[] => {
    const names = own.token ?? own.principal
    const subject = askedSubject(names === undefined ? { ...common, ...own } : own)
    if (subject === undefined) faults.push(nobody(requests === undefined ? '' : `/requests/${i}`))
    return subject === undefined || request === undefined
      ? []
      : [{ subject, request: decisionRequest(request) }]
  })
  if (faults.length > 0) throw notTaken('body', faults)
  return asked
}

function nobody(at: string): Fault {
  return {
    pointer: `${at}/token`,
    detail: 'names nobody, or stands beside a principal',
    fix: 'Send token or principal, one of the two.',
  }
}
