import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { NewId, OrganizationId } from '../ids.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, remove } from '../storage/ports.ts'
import type { Belongings } from './belongings.ts'
import {
  endTokens,
  getOrganization,
  type Organization,
  organizations,
  refuseForOperator,
} from './organization.ts'
import { told } from './told.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
  readonly belongings: readonly Belongings[]
}

/** Counting stops here: that many is as good as more. */
export const countMax = 10_000

export interface GoesWith {
  readonly kind: string
  readonly count: number
  readonly removeFirst?: string
}

/**
 * What goes with an organization when it is deleted, kind by kind.
 * @throws {DomainError} `organization_not_found`
 */
export async function previewDeletion(
  deps: Pick<Deps, 'records' | 'belongings'>,
  id: OrganizationId,
): Promise<{ readonly organization: Organization; readonly goesWith: readonly GoesWith[] }> {
  const organization = await getOrganization(deps.records, id)
  const goesWith = await Promise.all(
    deps.belongings.map(async ({ kind, count, removeFirst }) => ({
      kind,
      count: await count(id, countMax),
      ...(removeFirst === undefined ? {} : { removeFirst }),
    })),
  )
  return { organization, goesWith }
}

/**
 * One commit ends it: from then on it is absent, and no token of it is valid. What belonged to it is removed afterwards.
 * @param confirm the organization's slug, typed by whoever wants this
 * @throws {DomainError} `organization_not_found`, `organization_protected`, `confirmation_required`, `precondition_failed`
 */
export async function deleteOrganization(
  deps: Deps,
  by: Actor,
  id: OrganizationId,
  { confirm, ifMatch }: { readonly confirm?: string | undefined; readonly ifMatch?: number | undefined },
): Promise<void> {
  const { organization, goesWith } = await previewDeletion(deps, id)
  expectVersion(organization, ifMatch)
  refuseForOperator(organization, 'deleted')
  const counts = Object.fromEntries(goesWith.map(({ kind, count }) => [kind, count]))
  refuseWhileNeeded(goesWith)
  if (confirm !== organization.slug) throw confirmationRequired(organization, counts)
  const { name, slug } = organization
  await deps.commit(told('organization.deleted', organization, by, { name, slug, goes_with: counts }), [
    remove(organizations, organization),
    endTokens(deps.newId, deps.clock(), id, Number.MAX_SAFE_INTEGER),
  ])
  for (const { tidy } of deps.belongings) await tidy(id, by)
}

function refuseWhileNeeded(goesWith: readonly GoesWith[]): void {
  for (const { kind, count, removeFirst } of goesWith)
    if (removeFirst !== undefined && count > 0)
      throw new DomainError('organization_protected', `it still has ${count} ${kind.replaceAll('_', ' ')}`, {
        fix: removeFirst,
        data: { goes_with: { [kind]: count } },
      })
}

function confirmationRequired(
  organization: Organization,
  counts: Readonly<Record<string, number>>,
): DomainError {
  return new DomainError('confirmation_required', `deleting ${organization.name} cannot be undone`, {
    fix: `look at what goes with it, then repeat with confirm=${organization.slug}`,
    faults: [{ pointer: '?confirm', detail: "is not the organization's slug" }],
    data: { goes_with: counts },
  })
}
