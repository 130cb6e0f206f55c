import type { Clock } from '../../clock.ts'
import type { CompiledModel } from '../../evaluator/compile-model.ts'
import { explain } from '../../evaluator/explain/explain.ts'
import type { Explanation } from '../../evaluator/explain/explanation.ts'
import type { DecisionFacts } from '../../evaluator/grant.ts'
import type { OrganizationRole } from '../../evaluator/model.ts'
import { parseId } from '../../ids.ts'
import { roles } from '../../roles/role.ts'
import { noFacts } from '../../sdk/outcomes.ts'
import type { Service } from '../../services/service.ts'
import type { Records } from '../../storage/ports.ts'
import type { AskedSubject, Subject, SubjectCaller } from '../asked-subject.ts'
import type { AskedRequest, ServerDecider, Weighed } from '../server-decider.ts'
import { type TokenFinding, tokenFindings } from './token-findings.ts'
import { whyRefused } from './who-is-refused.ts'

interface Deps {
  /** The cached ones. */
  readonly records: Records
  readonly clock: Clock
}

export interface ExplainedRequest {
  /** What guards answer, with all that is beside roles: tokens, sign-ins, filters. */
  readonly weighed: Weighed
  /** Why a subject is let in nowhere, in words for whoever asks. */
  readonly detail?: string
  /** Of a token that is not valid: what it says and must not. */
  readonly findings: readonly TokenFinding[]
  /** Of somebody who is let in nowhere: as if they were. */
  readonly explanation: Explanation
}

/** So many of an organization's own roles are looked at for one that would do. */
const ownRolesMax = 100

/**
 * Explains a request of a subject, by the facts of the store as they are now. Nothing is recorded: nobody makes it.
 * @throws {DomainError} `stale_bundle`
 */
export async function explainRequest(
  deps: Deps,
  service: Service,
  decider: ServerDecider,
  asked: AskedSubject,
  request: AskedRequest,
): Promise<ExplainedRequest> {
  const subject = await decider.subject(asked)
  const weighed = await decider.weigh(subject, request)
  const { model } = await decider.bundle()
  const explained = await explanationFor(deps, service, { decider, model }, subject.caller, request)
  if (subject.kind === 'caller') return { weighed, findings: [], explanation: explained }
  return {
    ...{ weighed, ...(await refusalOf(deps, service, decider, asked, subject)) },
    // Whatever they were given, they would not be let in.
    explanation: { ...explained, changes: [] },
  }
}

async function explanationFor(
  { records }: Deps,
  service: Service,
  { decider, model }: { readonly decider: ServerDecider; readonly model: CompiledModel },
  caller: SubjectCaller | undefined,
  request: AskedRequest,
): Promise<Explanation> {
  const { method, path, body } = request
  const sent = { method, path, ...(body === undefined ? {} : { body }) }
  if (caller === undefined) return explain(model, { facts: noFacts, caller, request: sent })
  const { facts } = await decider.question(caller, request)
  const own = await ownRoles(records, service, caller.organizationId)
  const situation = { facts: withRoles(facts, own), caller, request: sent }
  return explain(model, situation, { ownRoles: [...own.keys()] })
}

async function ownRoles(
  records: Records,
  { id: serviceId }: Service,
  organization: string,
): Promise<ReadonlyMap<string, OrganizationRole>> {
  const organizationId = parseId('org', organization)
  if (organizationId === undefined) return new Map()
  const found = await records.list(organizationId, roles, 'service', serviceId, { limit: ownRolesMax })
  return new Map(
    found.map(({ id, allow, filter }) => [
      id,
      { id, organizationId, allow, ...(filter === undefined ? {} : { filter }) },
    ]),
  )
}

function withRoles(facts: DecisionFacts, own: ReadonlyMap<string, OrganizationRole>): DecisionFacts {
  return {
    role: (id) => facts.role(id) ?? own.get(id) ?? null,
    entitlement: (id) => facts.entitlement(id),
    resource: (name) => facts.resource(name),
  }
}

async function refusalOf(
  deps: Deps,
  service: Service,
  decider: ServerDecider,
  asked: AskedSubject,
  { detail, caller }: Extract<Subject, { kind: 'refused' }>,
): Promise<Pick<ExplainedRequest, 'detail' | 'findings'>> {
  if (asked.kind === 'principal') return { detail: await whyRefused(deps, service, asked), findings: [] }
  // Where the caller is known, the token was verified: it is something else that is wrong.
  const isUnverified = asked.kind === 'token' && caller === undefined
  const findings = isUnverified ? tokenFindings(asked.token, await decider.bundle(), deps.clock()) : []
  return { detail, findings }
}
