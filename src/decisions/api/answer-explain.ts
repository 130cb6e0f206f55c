import type { Context } from 'koa'
import type { z } from 'zod'
import type { Clock } from '../../clock.ts'
import type { Fault } from '../../errors.ts'
import { didYouMean } from '../../evaluator/nearest.ts'
import { notTaken, parseWith } from '../../http/parse-with.ts'
import { defaultBodyLimits, readJson } from '../../http/read-body.ts'
import { parseId } from '../../ids.ts'
import { roles } from '../../roles/role.ts'
import { findEntitled } from '../../services/find-entitled.ts'
import type { Service } from '../../services/service.ts'
import type { Records } from '../../storage/ports.ts'
import type { AskedSubject } from '../asked-subject.ts'
import { explainRequest } from '../explain/explain-request.ts'
import type { ServerDecider } from '../server-decider.ts'
import { decisionRequest } from './decide-operation.ts'
import { ExplainBody } from './explain-operation.ts'
import { presentExplanation } from './present-explanation.ts'
import { askedSubject } from './subject-body.ts'

interface Deps {
  /** The cached ones. */
  readonly records: Records
  readonly clock: Clock
}

type Body = z.output<typeof ExplainBody>
type MadeUp = NonNullable<Body['made_up']>

/** @throws {DomainError} `invalid_request` with the place of each fault, `stale_bundle` */
export async function answerExplain(
  deps: Deps,
  service: Service,
  decider: ServerDecider,
  ctx: Context,
): Promise<void> {
  const body = parseWith(ExplainBody, (await readJson(ctx.req, defaultBodyLimits)) ?? {}, 'body')
  const subject = await subjectOf(deps.records, service, body)
  const explained = await explainRequest(deps, service, decider, subject, decisionRequest(body.request))
  ctx.status = 200
  ctx.body = presentExplanation(explained)
}

async function subjectOf(records: Records, service: Service, body: Body): Promise<AskedSubject> {
  const { made_up: madeUp, token, principal } = body
  if ([madeUp, token, principal].filter((one) => one !== undefined).length !== 1)
    throw notTaken('body', [
      {
        pointer: '/token',
        detail: 'names nobody, or somebody twice',
        fix: 'Send token, principal or made_up, one of the three.',
      },
    ])
  if (madeUp === undefined) {
    const asked = askedSubject(body)
    if (asked === undefined) throw new Error('nobody was asked about')
    return asked
  }
  const faults = await faultsOf(records, service, madeUp)
  if (faults.length > 0) throw notTaken('body', faults)
  const { kind, organization, roles: held, tags, scope } = madeUp
  const bounds = scope === undefined ? (kind === 'user' ? { inPerson: true as const } : {}) : { scope }
  const id = kind === 'user' ? 'usr_made_up' : 'key_made_up'
  return {
    kind: 'made_up',
    principal: { kind, id, organizationId: organization, roles: held, ...(tags && { tags }), ...bounds },
  }
}

/** A role that is misspelt would be explained as one that is gone. */
async function faultsOf(records: Records, service: Service, madeUp: MadeUp): Promise<readonly Fault[]> {
  const entitled = await findEntitled(records, service, madeUp.organization)
  if (entitled === undefined)
    return [
      {
        pointer: '/made_up/organization',
        detail: 'there is no such organization that may use the service',
        fix: 'Give the id of one: org_…',
      },
    ]
  const organizationId = entitled.organization.id
  const names = service.model.roles.map(({ name }) => name)
  const known = await Promise.all(
    madeUp.roles.map(async (name) => {
      const id = parseId('rol', name)
      if (id === undefined) return names.includes(name)
      return (await records.find(organizationId, roles, id))?.serviceId === service.id
    }),
  )
  return madeUp.roles.flatMap((name, i): readonly Fault[] => {
    if (known[i] === true) return []
    const detail = 'the service has no such role, nor has the organization'
    const fix = didYouMean(name, names) ?? `Give one of ${names.join(', ')}, or the id of one of its own.`
    return [{ pointer: `/made_up/roles/${i}`, detail, fix }]
  })
}
