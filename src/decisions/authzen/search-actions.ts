import { DomainError } from '../../errors.ts'
import type { Service } from '../../services/service.ts'
import type { AuthzenResource } from './action.ts'
import { type AuthzenSubject, findSubject, type SubjectContext } from './find-subject.ts'
import { isOfType, operationPlaces } from './operation-places.ts'
import { lookedAtMax, type SearchDeps, type SearchPage, type SearchResults, wouldAllow } from './search.ts'

interface ActionSearch {
  readonly subject: AuthzenSubject
  readonly resource: AuthzenResource
  readonly context: SubjectContext
}

/**
 * What a subject may do on a resource (§8.6): operations, by their ids, in the order of the document. What depends on a
 * query or a body is not among them: neither is known.
 * @throws {DomainError} `invalid_request` for a cursor of another document, `stale_bundle`
 */
export async function searchActions(
  deps: SearchDeps,
  service: Service,
  { subject: asked, resource, context }: ActionSearch,
  { limit, cursor }: SearchPage,
): Promise<SearchResults<string>> {
  const { model } = await deps.decider.bundle()
  const after = cursor === undefined ? -1 : model.operationsById.get(cursor)?.index
  if (after === undefined) throw new DomainError('invalid_request', 'the page does not go on there any more')
  const subject = await findSubject(deps, service, asked, context)
  const places = operationPlaces(model).filter((place, i) => i > after && isOfType(place, resource.type))
  const results: string[] = []
  for (const [i, place] of places.slice(0, lookedAtMax).entries()) {
    const { id } = place.operation
    if (await wouldAllow(deps.decider, [place], { subject, action: { name: id }, resource, context }))
      results.push(id)
    const isLast = i === places.length - 1
    if (!isLast && (results.length === limit || i === lookedAtMax - 1)) return { results, nextCursor: id }
  }
  return { results, nextCursor: undefined }
}
