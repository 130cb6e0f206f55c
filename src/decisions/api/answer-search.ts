import { z } from 'zod'
import { parseWith } from '../../http/parse-with.ts'
import type { Service } from '../../services/service.ts'
import { searchActions } from '../authzen/search-actions.ts'
import { searchResources } from '../authzen/search-resources.ts'
import { searchSubjects } from '../authzen/search-subjects.ts'
import { ActionSearchBody, ResourceSearchBody, readContext, SubjectSearchBody } from './authzen-bodies.ts'
import { answerPage } from './search-paging.ts'

export type SearchDeps = Parameters<typeof searchSubjects>[0]

const Question = z.object({
  ...{ subject: z.unknown().optional(), action: z.unknown().optional() },
  ...{ resource: z.unknown().optional(), context: z.unknown().optional() },
})

/** What each page of a search must ask alike (§8.2), whether it plays a part here or not. */
function questionOf(body: unknown): z.output<typeof Question> {
  return Question.parse(body)
}

export async function answerSubjectSearch(deps: SearchDeps, service: Service, body: unknown) {
  const { page, ...asked } = parseWith(SubjectSearchBody, body, 'body')
  const search = { ...asked, context: readContext(asked.context) }
  const { type } = asked.subject
  return await answerPage(
    page,
    { ...questionOf(body), subject: asked.subject, properties: page?.properties },
    (one) => searchSubjects(deps, service, search, one),
    (id) => ({ type, id }),
  )
}

export async function answerResourceSearch(deps: SearchDeps, service: Service, body: unknown) {
  const { page, ...asked } = parseWith(ResourceSearchBody, body, 'body')
  const search = { ...asked, context: readContext(asked.context) }
  const { type } = asked.resource
  return await answerPage(
    page,
    { ...questionOf(body), resource: asked.resource, properties: page?.properties },
    (one) => searchResources(deps, service, search, one),
    (id) => ({ type, id }),
  )
}

export async function answerActionSearch(deps: SearchDeps, service: Service, body: unknown) {
  const { page, ...asked } = parseWith(ActionSearchBody, body, 'body')
  const search = { ...asked, context: readContext(asked.context) }
  return await answerPage(
    page,
    { ...questionOf(body), properties: page?.properties },
    (one) => searchActions(deps, service, search, one),
    (name) => ({ name }),
  )
}
