import { DomainError } from '../../errors.ts'
import { valuesInName } from '../../evaluator/resource-key.ts'
import type { Service } from '../../services/service.ts'
import { walkCursor } from '../../tags/walk-resources.ts'
import { reachableResources } from '../reachable-resources.ts'
import { type AuthzenAction, placesOf } from './action.ts'
import { type AuthzenSubject, findSubject, type SubjectContext } from './find-subject.ts'
import { idOf } from './operation-places.ts'
import { noResults, type SearchDeps, type SearchPage, type SearchResults, wouldAllow } from './search.ts'

interface ResourceSearch {
  readonly subject: AuthzenSubject
  readonly action: AuthzenAction
  readonly resource: { readonly type: string }
  readonly context: SubjectContext
}

/**
 * The resources of a type on which a subject may do something (§8.5), by their ids: registered ones, its organization's
 * own first, then those that are shared with it. None where the API itself knows its resources.
 * @throws {DomainError} `invalid_request` for a cursor that is none, `stale_bundle`
 */
export async function searchResources(
  deps: SearchDeps,
  service: Service,
  { subject: asked, action, resource, context }: ResourceSearch,
  { limit, cursor }: SearchPage,
): Promise<SearchResults<string>> {
  if (cursor !== undefined && !walkCursor.test(cursor))
    throw new DomainError('invalid_request', 'there is no such page')
  const { decider, storedRecords } = deps
  const { model } = await decider.bundle()
  const subject = await findSubject(deps, service, asked, context)
  const places = placesOf(model, action.name, resource.type) ?? []
  const [place] = places
  if (subject.kind === 'refused' || place?.actsOnResource !== true || model.model.resources !== 'latchkey')
    return noResults
  const { caller } = subject
  const factsFor = decider.factsFor.bind(decider)
  const { shape, operation } = place
  const question = { serviceId: service.id, model, caller, shape, operationId: operation.id }
  const { items, nextCursor } = await reachableResources({ records: storedRecords, factsFor }, question, {
    limit,
    cursor,
  })
  const results: string[] = []
  for (const item of items) {
    const id = idOf(valuesInName(item.resource.name).ids)
    // With the action's properties as its request: what had depended on one comes out now.
    const isOne = await wouldAllow(decider, places, {
      subject,
      action,
      resource: { ...resource, id },
      context,
    })
    if (isOne) results.push(id)
  }
  return { results, nextCursor: nextCursor ?? undefined }
}
