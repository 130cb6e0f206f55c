import type { Operation, RequestShape } from '../../../src/evaluator/model.ts'
import type { BodyAtHand } from '../../../src/evaluator/request/json-body.ts'
import { RequestAtHand, RequestContent } from '../../../src/evaluator/request/request-at-hand.ts'
import { operation } from '../clinic-model.ts'

export const clusterShape: RequestShape = {
  query: { dryRun: { type: 'boolean' }, zone: { array: 'repeated' } },
  body: {
    members: {
      metadata: { members: {}, open: true },
      nodeGroups: { items: { members: { maxSize: 'integer', minSize: 'integer' } } },
    },
  },
}

export function putCluster(request?: RequestShape, more: Partial<Operation> = {}): Operation {
  const parameters = { clusterId: { type: 'string' as const } }
  return operation('putCluster', 'PUT /clusters/{clusterId}', {
    parameters,
    ...(request === undefined ? {} : { request }),
    ...more,
  })
}

export const json = (value: unknown): BodyAtHand => text(JSON.stringify(value))
export const text = (body: string, mediaType = 'application/json'): BodyAtHand => ({
  kind: 'text',
  mediaType,
  text: body,
})

/** A request to one cluster, with this query and body. */
export function sent(of: Operation, query: string, body?: BodyAtHand): RequestAtHand {
  const content = new RequestContent(`/clusters/c1${query === '' ? '' : `?${query}`}`, body)
  return new RequestAtHand(of, { parameters: { clusterId: 'c1' } }, content)
}
