import { z } from 'zod'
import type { Clock, EpochMs } from '../clock.ts'
import { hasCode } from '../errors.ts'
import type { OrganizationId, ServiceId } from '../ids.ts'
import { organizations } from '../organizations/organization.ts'
import { services } from '../services/service.ts'
import {
  type Collection,
  type CommitChanges,
  cursorOf,
  insert,
  type Records,
  type Reference,
  type Stored,
  update,
} from '../storage/ports.ts'
import { type Resource, resources, sharedWith } from './resource.ts'

interface Deps {
  /** Not the cached ones: each resource is looked at once. */
  readonly records: Records
  /** Without an audit event: what is listed anew says the same as before. */
  readonly commit: CommitChanges
  readonly clock: Clock
}

/** That something has been done in a store, once for all. Kept by the operator. */
interface Done extends Stored {
  readonly id: 'shared_resources_listed'
  readonly doneAt: EpochMs
}

const doneOnce: Collection<Done> = {
  name: 'resource_upkeep',
  schema: z.custom<Done>((value) => typeof value === 'object' && value !== null),
  indexes: { all: { keys: () => [''] } },
}

const pageSize = 500
const triesMax = 3

/**
 * Before 0.4.0 resources were not listed under the organizations that they are shared with, so that those were not told of
 * them by lists of what they may reach. Lists them, once in a store's life; a run that was cut short is done again, and
 * one of several nodes at once is enough.
 */
export async function listSharedResources(deps: Deps): Promise<void> {
  const { records, commit, clock } = deps
  const [operator] = await records.locate(organizations, 'operator', '', { limit: 1 })
  if (operator === undefined) return
  const organizationId: OrganizationId = operator.organizationId
  const id = 'shared_resources_listed'
  if ((await records.find(organizationId, doneOnce, id)) !== undefined) return
  for await (const all of inPages((page) => records.locate(services, 'all', '', page)))
    for (const service of all) await listSharedOf(deps, service.id)
  try {
    await commit([insert(doneOnce, { id, organizationId, version: 1, doneAt: clock() })])
  } catch (cause) {
    // Another node has come to the end before.
    if (!hasCode(cause, 'already_exists')) throw cause
  }
}

async function listSharedOf(deps: Deps, serviceId: ServiceId): Promise<void> {
  const { records } = deps
  for await (const places of inPages((page) => records.locate(resources, 'service', serviceId, page)))
    await listPage(deps, places)
}

/** @throws {DomainError} `conflict` if others change them at each try */
async function listPage({ records, commit }: Deps, places: readonly Reference<Resource>[]): Promise<void> {
  for (let tries = 1; ; tries++) {
    const found = await Promise.all(
      places.map(({ organizationId, id }) => records.find(organizationId, resources, id)),
    )
    const [first, ...others] = found
      .flatMap((one) => (one !== undefined && sharedWith(one.tags).length > 0 ? [one] : []))
      .map((one) => update(resources, one, one))
    if (first === undefined) return
    try {
      // A store lists what is written under all that it is listed under now.
      await commit([first, ...others])
      return
    } catch (cause) {
      if (!hasCode(cause, 'conflict') || tries === triesMax) throw cause
    }
  }
}

async function* inPages<T extends Stored>(
  read: (page: { limit: number; after?: string }) => Promise<readonly Reference<T>[]>,
): AsyncGenerator<readonly Reference<T>[]> {
  let after: string | undefined
  for (;;) {
    const found = await read({ limit: pageSize, ...(after === undefined ? {} : { after }) })
    const last = found.at(-1)
    if (last === undefined) return
    yield found
    after = cursorOf(last)
  }
}
