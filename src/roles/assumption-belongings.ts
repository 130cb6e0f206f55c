import type { Actor, Commit } from '../audit/record.ts'
import type { OrganizationId, RoleId } from '../ids.ts'
import type { Belongings } from '../organizations/belongings.ts'
import type { ServiceContents } from '../services/service-contents.ts'
import { countLocatedUpTo, countUpTo, endInPages } from '../storage/in-pages.ts'
import { type Records, type Reference, remove } from '../storage/ports.ts'
import { type Assumption, assumptions, shownAssumption, toldToBoth } from './assumption.ts'
import type { EndHolders, HoldersOf } from './holders.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

// What an assumption hangs on goes by a commit that ends its tokens, so that none of these needs an entry of its own.

const pageSize = 100

/** By which others take roles of the organization. */
export function assumptionBelongings({ records, commit }: Deps): Belongings {
  return {
    kind: 'assumptions',
    count: (organizationId, max) =>
      countUpTo(records, organizationId, assumptions, { index: 'all', key: '', max }),
    tidy: (organizationId, by) =>
      endInPages(
        () => records.list(organizationId, assumptions, 'all', '', { limit: pageSize }),
        (page) => removeAll(commit, by, page),
      ),
  }
}

/** By which the organization takes roles of others. */
export function receivedAssumptionBelongings(deps: Deps): Belongings {
  const { records } = deps
  return {
    kind: 'received_assumptions',
    count: (organizationId, max) =>
      countLocatedUpTo(records, assumptions, { index: 'assuming', key: organizationId, max }),
    tidy: (organizationId, by) =>
      endInPages(
        () => records.locate(assumptions, 'assuming', organizationId, { limit: pageSize }),
        (places) => removeLocated(deps, by, places),
      ),
  }
}

/** Those of roles on a service. */
export function assumptionContents(deps: Deps): ServiceContents {
  const { records } = deps
  return {
    what: 'assumptions',
    count: ({ id }, max) => countLocatedUpTo(records, assumptions, { index: 'service', key: id, max }),
    tidy: (by, service) =>
      endInPages(
        () => records.locate(assumptions, 'service', service.id, { limit: pageSize }),
        (places) => removeLocated(deps, by, places),
      ),
  }
}

/** The assumptions by which others take an organization-defined role. */
export function assumptionsOf(records: Records): HoldersOf {
  return async (organizationId, roleId, limit) => {
    const found = await records.list(organizationId, assumptions, 'role', roleId, { limit })
    return found.map(({ id, name }) => ({ kind: 'assumption', id, name }))
  }
}

export function endAssumptionsOf({ records, commit }: Deps): EndHolders {
  return (organizationId: OrganizationId, roleId: RoleId, by: Actor) =>
    endInPages(
      () => records.list(organizationId, assumptions, 'role', roleId, { limit: pageSize }),
      (page) => removeAll(commit, by, page),
    )
}

async function removeAll(
  commit: Commit,
  by: Actor,
  [first, ...others]: readonly [Assumption, ...Assumption[]],
): Promise<void> {
  const told = (one: Assumption) => toldToBoth('assumption.deleted', one, by, shownAssumption(one))
  await commit(
    [...told(first), ...others.flatMap(told)],
    [first, ...others].map((one) => remove(assumptions, one)),
  )
}

async function removeLocated(
  { records, commit }: Deps,
  by: Actor,
  places: readonly Reference<Assumption>[],
): Promise<void> {
  for (const { organizationId, id } of places) {
    const found = await records.find(organizationId, assumptions, id)
    if (found !== undefined) await removeAll(commit, by, [found])
  }
}
