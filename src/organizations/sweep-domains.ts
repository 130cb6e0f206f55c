import type { Actor, Commit } from '../audit/record.ts'
import type { Clock, EpochMs } from '../clock.ts'
import { hasCode } from '../errors.ts'
import type { OrganizationId } from '../ids.ts'
import { locatedInPages } from '../storage/in-pages.ts'
import { type CommitChanges, type Records, update } from '../storage/ports.ts'
import { type Domain, domains, txtName } from './domain.ts'
import { publishedTxt, type ResolveTxt } from './published-txt.ts'
import { proven } from './verify-domain.ts'

/** A request to a later row: tells the people who manage an organization something, by mail. */
export type TellAdministrators = (
  organizationId: OrganizationId,
  mail: { readonly subject: string; readonly text: string },
) => Promise<void>

interface Deps {
  readonly records: Records
  readonly commit: Commit
  /** Without an audit event: that a record is still there, or for how long it is not, changes nothing yet. */
  readonly keep: CommitChanges
  readonly clock: Clock
  readonly resolveTxt: ResolveTxt
  readonly tellAdministrators: TellAdministrators
  /** Told of each domain that was not read again, or whose administrators were not told. */
  readonly onFault: (cause: unknown, domain: Domain) => void
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const readAgainMs = dayMs
/** So long without its TXT record, a domain stops routing. */
export const lapseMs = 7 * dayMs
const pageSize = 200

/**
 * Reads the TXT records again that were last read a day ago. One that lacks the proof for 7 days, at each reading, ends
 * the domain's routing, and the organization's administrators are told. Name servers that give no answer change nothing.
 * A fault at one domain is told, and the others are read all the same.
 * Safe from many nodes at once: what another has read meanwhile is left to it.
 */
export async function sweepDomains(deps: Deps): Promise<void> {
  const { records } = deps
  const routing = locatedInPages((page) => records.locate(domains, 'routing', '', page), pageSize)
  for await (const places of routing)
    for (const { organizationId, id } of places) {
      const domain = await records.find(organizationId, domains, id)
      if (domain !== undefined && isDue(domain, deps.clock())) await readUnlessLost(deps, domain)
    }
}

function isDue({ state }: Domain, nowMs: EpochMs): boolean {
  return state.kind === 'verified' && nowMs - state.readAt >= readAgainMs
}

async function readUnlessLost(deps: Deps, domain: Domain): Promise<void> {
  try {
    await readAgain(deps, domain)
  } catch (cause) {
    // The others need the store as well.
    if (hasCode(cause, 'store_unavailable')) throw cause
    // Another node, or a person, was there first; or its name servers do not answer, which is asked again next time.
    if (!hasCode(cause, 'conflict') && !hasCode(cause, 'domain_unproven')) deps.onFault(cause, domain)
  }
}

async function readAgain(deps: Deps, domain: Domain): Promise<void> {
  const seen = await publishedTxt(deps.resolveTxt, domain)
  const nowMs = deps.clock()
  const isThere = seen.includes(domain.proof)
  const after = isThere ? proven(domain, nowMs) : missing(domain, nowMs)
  if (after.state.kind === 'lapsed') await lapse(deps, domain, after)
  else await deps.keep([update(domains, domain, after)])
}

function missing(domain: Domain, nowMs: EpochMs): Domain {
  const { state } = domain
  if (state.kind !== 'verified') return domain
  const missingSinceAt = state.missingSinceAt ?? nowMs
  if (nowMs - missingSinceAt >= lapseMs) return { ...domain, state: { kind: 'lapsed', lapsedAt: nowMs } }
  return { ...domain, state: { ...state, readAt: nowMs, missingSinceAt } }
}

async function lapse(deps: Deps, before: Domain, after: Domain): Promise<void> {
  const { id, organizationId, name } = before
  const by: Actor = { kind: 'system', id: 'domain-sweep', organizationId, requestId: 'domain-sweep' }
  await deps.commit({ type: 'domain.lapsed', organizationId, target: id, by, details: { name } }, [
    update(domains, before, after),
  ])
  await deps.tellAdministrators(organizationId, {
    subject: `${name} is no longer verified`,
    text: [
      `The TXT record at ${txtName(before)} has been missing for 7 days, so ${name} no longer leads its people to your`,
      'single sign-on, and connections do not speak for its addresses.',
      '',
      `To have it back, publish the record again with the value ${before.proof}`,
      'and verify the domain.',
    ].join('\n'),
  })
}
