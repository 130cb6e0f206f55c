import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import { DomainError, hasCode } from '../errors.ts'
import type { NewId, OrganizationId } from '../ids.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { insert, type Records } from '../storage/ports.ts'
import { type Domain, domainName, domains } from './domain.ts'
import { getOrganization } from './organization.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
  readonly secrets: Secrets
}

/**
 * Claims a domain. Nothing follows from it until its TXT record was read.
 * @throws {DomainError} `organization_not_found`; `invalid_request` for what is no domain; `already_exists` if the
 * organization has it already
 */
export async function addDomain(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  text: string,
): Promise<Domain> {
  await getOrganization(deps.records, organizationId)
  const name = domainName(text)
  if (name === undefined) throw noDomain()
  const id = deps.newId('dom')
  const proof = `latchkey-domain=${deps.secrets.digest('domain-proofs', organizationId)}`
  const state = { kind: 'pending' } as const
  const domain: Domain = { id, organizationId, version: 1, name, proof, state, createdAt: deps.clock() }
  try {
    await deps.commit({ type: 'domain.added', organizationId, target: id, by, details: { name } }, [
      insert(domains, domain),
    ])
  } catch (cause) {
    throw hasCode(cause, 'already_exists') ? hasItAlready(name, cause) : cause
  }
  return domain
}

function hasItAlready(name: string, cause: unknown): DomainError {
  return new DomainError('already_exists', `the organization has ${name} already`, {
    cause,
    faults: [{ pointer: '/name', detail: 'is there already', fix: 'list the domains to see its state' }],
  })
}

function noDomain(): DomainError {
  return new DomainError('invalid_request', 'this is no domain that an organization can own', {
    faults: [
      {
        pointer: '/name',
        detail: 'is a single label, an address, a wildcard, or has characters that no host name has',
        fix: 'give what stands after the @ of its addresses, such as clinic.example',
      },
    ],
  })
}
