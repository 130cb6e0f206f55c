import { z } from 'zod'
import type { DescribedOperation } from '../../http/described-operation.ts'
import { registeredAtOnceMax } from '../../tags/register-resources.ts'
import { NewResourceBody, named, ResourceBody } from '../../tags/wire.ts'
import { ReachableBodies, reachableDescription, reachableQuery } from './reachable-wire.ts'

export const BatchBody = z.strictObject({
  resources: z.array(NewResourceBody).min(1).max(registeredAtOnceMax),
})
export const NamedQuery = z.strictObject(named)
export const RehomingBody = NewResourceBody
export const ReachableQuery = z.strictObject({
  ...reachableQuery,
  principal: z.string().max(100).describe('The id of a client key or a user.'),
})

/** What became of one resource of several, in the order sent. */
const RegistrationBody = z.strictObject({
  outcome: z.enum(['registered', 'unchanged', 'refused']),
  name: z.string().optional(),
  code: z.string().optional(),
  detail: z.string().optional(),
  errors: z
    .array(z.strictObject({ pointer: z.string(), detail: z.string(), fix: z.string().optional() }))
    .optional(),
})

export const streamResourcesId = 'streamResources'
export const reachableResourcesId = 'reachableResources'
/** Each has a thousand resources in a commit: more of them at once only wait for one another. */
export const registrationsOfKeyMax = 20

const operationIds = [
  'registerResource',
  'registerResources',
  streamResourcesId,
  'readResource',
  'removeResource',
  'rehomeResource',
  reachableResourcesId,
] as const
export type ResourceOperationId = (typeof operationIds)[number]

const path = '/{service}/resources'
const common = {
  tag: 'Guards',
  params: { service: 'The service that the key guards: its slug.' },
} as const
const example = {
  path: '/clusters/c1',
  organization: 'org_01jz8x6v0kq3m5n7p9r1s3t5v7',
  tags: { env: ['dev'] },
}
const named404 = ['service_not_found', 'resource_not_found', 'precondition_failed', 'conflict'] as const

/** What an API tells of its resources, with its guard's key. */
export const resourceOperations: readonly (DescribedOperation & {
  readonly operationId: ResourceOperationId
})[] = [
  {
    ...{ ...common, operationId: 'registerResource', method: 'POST', path, status: 200 },
    summary: 'Tell of a resource and its owner',
    description:
      'Again changes nothing, its tags neither; another owner’s is refused. Ids are checked by the document’s rules.',
    ...{ body: NewResourceBody, example, answer: ResourceBody },
    errors: ['service_not_found', 'already_exists', 'tag_not_grantable', 'conflict'],
  },
  {
    ...{ ...common, operationId: 'registerResources', method: 'POST', path: `${path}/batch`, status: 200 },
    summary: `Tell of up to ${registeredAtOnceMax.toLocaleString('en')} resources`,
    description: 'Each is answered by itself: what is refused does not keep the others out.',
    ...{ body: BatchBody, example: { resources: [example] } },
    answer: z.strictObject({ items: z.array(RegistrationBody) }),
    errors: ['service_not_found', 'conflict'],
  },
  {
    ...{ ...common, operationId: streamResourcesId, method: 'POST', path: `${path}/stream`, status: 200 },
    summary: 'Tell of many resources',
    description:
      'The body is JSON lines (`application/x-ndjson`), each as `registerResource` takes it; each is answered by a line, ' +
      'in order, while the body still comes: read while you send. Lines have up to 64 KiB. It goes on while your token is ' +
      'good, for an hour at most, and ends when nothing is sent and no answer is taken for 30 seconds. A last line with the ' +
      'outcome `ended` says why not all was read: what is left goes in another request. The connection of who does not ' +
      'take it is cut. ' +
      `A key has up to ${registrationsOfKeyMax} of them at once.`,
    otherMediaTypes: ['application/x-ndjson'],
    errors: ['service_not_found', 'unsupported_media_type'],
  },
  {
    ...{ ...common, operationId: 'readResource', method: 'GET', path, status: 200 },
    summary: 'Read a resource by its path',
    ...{ query: NamedQuery, answer: ResourceBody },
    errors: ['service_not_found', 'resource_not_found'],
  },
  {
    ...{ ...common, operationId: 'removeResource', method: 'DELETE', path, status: 204 },
    summary: 'Take back what was told of a resource',
    ...{ query: NamedQuery, errors: named404 },
  },
  {
    ...{ ...common, operationId: 'rehomeResource', method: 'PUT', path: `${path}/owner`, status: 200 },
    summary: 'Give a resource another owner',
    description: 'It has the tags that are given here, and none of those that the owner before gave it.',
    ...{ body: RehomingBody, example, answer: ResourceBody },
    errors: [...named404, 'tag_not_grantable'],
  },
  {
    ...{
      ...common,
      operationId: reachableResourcesId,
      method: 'GET',
      path: `${path}/reachable`,
      status: 200,
    },
    summary: 'Ask which resources a principal may reach',
    description: `Of any organization. ${reachableDescription}`,
    ...{ query: ReachableQuery, answer: ReachableBodies, errors: ['service_not_found', 'invalid_request'] },
  },
]

export function isResourceOperation(operationId: string): operationId is ResourceOperationId {
  return operationIds.some((one) => one === operationId)
}
