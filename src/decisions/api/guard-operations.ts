import { z } from 'zod'
import type { DescribedOperation } from '../../http/described-operation.ts'
import { factsAskedMax } from '../facts.ts'
import { authzenOperations } from './authzen-operations.ts'
import { decideId, decideOperation } from './decide-operation.ts'
import { DecisionBatchBody, decisionBatchExample, TakenBody } from './decision-batch-body.ts'
import { explainId, explainOperation } from './explain-operation.ts'
import { resourceOperations } from './resource-operations.ts'

const followServiceId = 'followService'
export const askFactsId = 'askFacts'
export const recordDecisionsId = 'recordDecisions'

const names = z.array(z.string().max(500)).max(factsAskedMax).default([])
export const FactsBody = z.strictObject({ roles: names, organizations: names, resources: names })

const tag = 'Guards'
const params = { service: 'The service that the key guards: its slug.' }

/** What guards call; operations of the document of `latchkey`, though they are served beside the issuer. */
export const guardOperations: readonly DescribedOperation[] = [
  {
    operationId: followServiceId,
    method: 'GET',
    path: '/{service}/bundle',
    summary: 'Get what a guard needs to decide, or follow what changes',
    description:
      'JSON with an `ETag`; with `Accept: text/event-stream`, a stream of changes that goes on after `Last-Event-ID`.',
    tag,
    params,
    status: 200,
    answer: z.looseObject({ position: z.int(), server_time: z.string() }),
    otherMediaTypes: ['text/event-stream'],
    errors: ['service_not_found'],
  },
  {
    operationId: askFactsId,
    method: 'POST',
    path: '/{service}/facts',
    summary: 'Ask for roles, entitlements and resources that a decision needs',
    tag,
    params,
    body: FactsBody,
    example: { roles: [], organizations: ['org_01jq2v7m3zc8k5w9t4x6y1b0ad'] },
    status: 200,
    answer: z.looseObject({ position: z.int() }),
    errors: ['service_not_found'],
  },
  {
    operationId: recordDecisionsId,
    method: 'POST',
    path: '/{service}/decisions',
    summary: 'Tell of decisions, for the decision log',
    description:
      'Up to 1,000 at once. May be sent again: a decision is kept once, by its id. It is listed with the organization of ' +
      'its caller if that may use the service, and with the service.',
    tag,
    params,
    body: DecisionBatchBody,
    example: decisionBatchExample,
    status: 200,
    answer: TakenBody,
    errors: ['service_not_found'],
  },
  decideOperation,
  explainOperation,
  ...authzenOperations,
  ...resourceOperations,
]

/** The role of a guard's key: never in a default entitlement, since only an owner of a service may hold it. */
export const guardRole = {
  description: 'What an API, or its gateway, needs to follow the service that it guards.',
  grantable: true,
  in_default_entitlement: false,
  allow: [
    {
      operations: [
        ...[followServiceId, askFactsId, recordDecisionsId, decideId, explainId],
        ...[...authzenOperations, ...resourceOperations].map((one) => one.operationId),
      ],
    },
  ],
} as const
