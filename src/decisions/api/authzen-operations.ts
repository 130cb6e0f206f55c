import { z } from 'zod'
import type { DescribedOperation } from '../../http/described-operation.ts'
import {
  ActionSearchBody,
  ActionsBody,
  DecisionBody,
  EvaluationBody,
  EvaluationsBody,
  ResourceSearchBody,
  SubjectSearchBody,
  SubjectsBody,
} from './authzen-bodies.ts'

const operationIds = [
  'evaluateAccess',
  'evaluateAccesses',
  'searchSubjects',
  'searchResources',
  'searchActions',
] as const
export type AuthzenOperationId = (typeof operationIds)[number]

const common = {
  method: 'POST',
  tag: 'AuthZEN',
  status: 200,
  params: { service: 'The service that the key guards: its slug.' },
  errors: ['service_not_found'],
} as const
const example = {
  subject: { type: 'user', id: 'alice@acmecorp.com' },
  action: { name: 'getPatient' },
  resource: { type: 'patient', id: 'p1' },
}
const { subject, action, resource } = example
const paged = 'A page may have fewer results than its `limit`, or none, and a `next_token`.'

/** What a policy enforcement point asks (AuthZEN Authorization API 1.0). */
export const authzenOperations: readonly (DescribedOperation & {
  readonly operationId: AuthzenOperationId
})[] = [
  {
    ...{ ...common, operationId: 'evaluateAccess', path: '/{service}/access/v1/evaluation' },
    summary: 'Access Evaluation of the AuthZEN API',
    description:
      'A subject is an `access_token`, a `key` by its id, or a `user` by id or address. An action is an `operationId`, ' +
      'or a scope. A resource has the path template up to its id as type, or the last name in it, `patient`, and the id, ' +
      'or several with slashes between.',
    ...{ body: EvaluationBody, example, answer: DecisionBody },
  },
  {
    ...{ ...common, operationId: 'evaluateAccesses', path: '/{service}/access/v1/evaluations' },
    summary: 'Access Evaluations of the AuthZEN API',
    description: 'Up to 1,000 questions at once, with what they have in common beside them.',
    body: EvaluationsBody,
    example: { subject, resource, evaluations: [{ action }, { action: { name: 'replacePatient' } }] },
    answer: z.union([DecisionBody, z.object({ evaluations: z.array(DecisionBody) })]),
  },
  {
    ...{ ...common, operationId: 'searchSubjects', path: '/{service}/access/v1/search/subject' },
    summary: 'Subject Search of the AuthZEN API',
    description: `Users, or client keys (\`key\`), of the service by their ids. ${paged}`,
    example: { subject: { type: 'user' }, action, resource },
    ...{ body: SubjectSearchBody, answer: SubjectsBody },
  },
  {
    ...{ ...common, operationId: 'searchResources', path: '/{service}/access/v1/search/resource' },
    summary: 'Resource Search of the AuthZEN API',
    description: `Registered resources: those of the subject’s organization, and what is shared with it. ${paged}`,
    example: { subject, action, resource: { type: 'patient' } },
    ...{ body: ResourceSearchBody, answer: SubjectsBody },
  },
  {
    ...{ ...common, operationId: 'searchActions', path: '/{service}/access/v1/search/action' },
    summary: 'Action Search of the AuthZEN API',
    description: `Operations, by their ids. What depends on a query or a body is not among them. ${paged}`,
    example: { subject, resource },
    ...{ body: ActionSearchBody, answer: ActionsBody },
  },
]

export function isAuthzenOperation(operationId: string): operationId is AuthzenOperationId {
  return operationIds.some((one) => one === operationId)
}

/** One question about many: a page of it looks at up to a thousand candidates. */
export function isSearch(operationId: string): boolean {
  return isAuthzenOperation(operationId) && operationId.startsWith('search')
}
