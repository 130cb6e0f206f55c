import type { Actor, Commit } from '../audit/record.ts'
import type { Clock, EpochMs } from '../clock.ts'
import { DomainError, hasCode } from '../errors.ts'
import type { DomainId, OrganizationId } from '../ids.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import { type Domain, domains, getDomain, txtName } from './domain.ts'
import { publishedTxt, type ResolveTxt } from './published-txt.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly resolveTxt: ResolveTxt
}

/** So much of what strangers publish is shown. */
const seenMax = 10
const seenLengthMax = 300

/**
 * Reads the TXT record now. Found, the domain routes from here on.
 * @throws {DomainError} `domain_not_found`, `precondition_failed`, `conflict`; `domain_unproven` with what was seen;
 * `already_exists` while another organization has the domain verified
 */
export async function verifyDomain(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  id: DomainId,
  { ifMatch }: { readonly ifMatch?: number | undefined },
): Promise<Domain> {
  const before = await getDomain(deps.records, organizationId, id)
  expectVersion(before, ifMatch)
  const seen = await publishedTxt(deps.resolveTxt, before)
  if (!seen.includes(before.proof)) throw unproven(before, seen)
  const after = proven(before, deps.clock())
  const details = { name: before.name, from: before.state.kind }
  try {
    await deps.commit({ type: 'domain.verified', organizationId, target: id, by, details }, [
      update(domains, before, after),
    ])
  } catch (cause) {
    throw hasCode(cause, 'already_exists') ? verifiedElsewhere(before, cause) : cause
  }
  return after
}

/** The domain with its proof seen now. */
export function proven(domain: Domain, nowMs: EpochMs): Domain {
  const verifiedAt = domain.state.kind === 'verified' ? domain.state.verifiedAt : nowMs
  const state = { kind: 'verified', verifiedAt, lastSeenAt: nowMs, readAt: nowMs } as const
  return { ...domain, state, version: domain.version + 1 }
}

function unproven(domain: Domain, seen: readonly string[]): DomainError {
  const name = txtName(domain)
  const shown = seen.slice(0, seenMax).map((text) => text.slice(0, seenLengthMax))
  const what = seen.length === 0 ? `${name} has no TXT record` : `no TXT record of ${name} has the value`
  return new DomainError('domain_unproven', `not there yet: ${what}`, {
    fix: `publish a TXT record at ${name} with the value ${domain.proof}, and ask again; name servers may take an hour to tell of it`,
    data: { txt_name: name, txt_value: domain.proof, seen: shown },
  })
}

function verifiedElsewhere({ name }: Domain, cause: unknown): DomainError {
  return new DomainError('already_exists', `another organization has ${name} verified`, {
    fix: 'let it remove the domain; or take its TXT record away: after 7 days without one the domain is free',
    cause,
  })
}
