import { parseWith } from '../../http/parse-with.ts'
import type { Service } from '../../services/service.ts'
import { searchActions } from '../authzen/search-actions.ts'
import { searchResources } from '../authzen/search-resources.ts'
import { searchSubjects } from '../authzen/search-subjects.ts'
import {
  ActionSearchBody,
  presentResults,
  ResourceSearchBody,
  readContext,
  readPage,
  SubjectSearchBody,
} from './authzen-bodies.ts'

export type SearchDeps = Parameters<typeof searchSubjects>[0]

export async function answerSubjectSearch(deps: SearchDeps, service: Service, body: unknown) {
  const { page, context, ...asked } = parseWith(SubjectSearchBody, body, 'body')
  const search = { ...asked, context: readContext(context) }
  const { results, nextCursor } = await searchSubjects(deps, service, search, readPage(page))
  const { type } = asked.subject
  return presentResults(
    results.map((id) => ({ type, id })),
    nextCursor,
  )
}

export async function answerResourceSearch(deps: SearchDeps, service: Service, body: unknown) {
  const { page, context, ...asked } = parseWith(ResourceSearchBody, body, 'body')
  const search = { ...asked, context: readContext(context) }
  const { results, nextCursor } = await searchResources(deps, service, search, readPage(page))
  const { type } = asked.resource
  return presentResults(
    results.map((id) => ({ type, id })),
    nextCursor,
  )
}

export async function answerActionSearch(deps: SearchDeps, service: Service, body: unknown) {
  const { page, context, ...asked } = parseWith(ActionSearchBody, body, 'body')
  const search = { ...asked, context: readContext(context) }
  const { results, nextCursor } = await searchActions(deps, service, search, readPage(page))
  return presentResults(
    results.map((name) => ({ name })),
    nextCursor,
  )
}
