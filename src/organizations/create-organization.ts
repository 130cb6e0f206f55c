import type { Actor, Commit } from '../audit/record.ts'
import type { Clock, EpochMs } from '../clock.ts'
import { DomainError, hasCode } from '../errors.ts'
import type { NewId, OrganizationId } from '../ids.ts'
import { insert, type Records } from '../storage/ports.ts'
import { type Organization, organizations } from './organization.ts'
import { slugFrom, slugWithEnding } from './slug.ts'
import { told } from './told.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

export interface NewOrganization {
  readonly name: string
  /** Absent: made from the name, with an ending where another organization has that. */
  readonly slug?: string | undefined
}

/** The length of the ending: 20 bits of chance. */
const endingLength = 4
const attemptsMax = 5

/** @throws {DomainError} `already_exists` if another organization has the slug that was asked for */
export async function createOrganization(
  deps: Deps,
  by: Actor,
  wanted: NewOrganization,
): Promise<Organization> {
  const nowMs = deps.clock()
  if (wanted.slug !== undefined) return await commitNew(deps, by, wanted.name, wanted.slug, nowMs)
  const plain = slugFrom(wanted.name)
  let slug = plain
  for (let attempt = 1; attempt < attemptsMax; attempt++) {
    try {
      return await commitNew(deps, by, wanted.name, slug, nowMs)
    } catch (cause) {
      if (!hasCode(cause, 'already_exists')) throw cause
      slug = slugWithEnding(plain, deps.newId('org').slice(-endingLength))
    }
  }
  return await commitNew(deps, by, wanted.name, slug, nowMs)
}

async function commitNew(
  deps: Deps,
  by: Actor,
  name: string,
  slug: string,
  nowMs: EpochMs,
): Promise<Organization> {
  const organization = newOrganization(deps.newId('org'), { name, slug, kind: 'customer' }, nowMs)
  try {
    await deps.commit(told('organization.created', organization, by, { name, slug }), [
      insert(organizations, organization),
    ])
  } catch (cause) {
    throw hasCode(cause, 'already_exists') ? slugTaken(slug, cause) : cause
  }
  return organization
}

/** As it begins: active, at the first authority. First start makes the operator with it. */
export function newOrganization(
  id: OrganizationId,
  { name, slug, kind }: Pick<Organization, 'name' | 'slug' | 'kind'>,
  nowMs: EpochMs,
): Organization {
  const state = { kind: 'active' } as const
  return { id, organizationId: id, version: 1, name, slug, kind, state, authority: 1, createdAt: nowMs }
}

function slugTaken(slug: string, cause: unknown): DomainError {
  return new DomainError('already_exists', `another organization has the slug ${slug}`, {
    cause,
    faults: [{ pointer: '/slug', detail: 'is taken', fix: 'choose another, or leave it out' }],
  })
}
