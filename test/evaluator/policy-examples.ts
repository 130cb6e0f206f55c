import { compileModel } from '../../src/evaluator/compile-model.ts'
import { decide } from '../../src/evaluator/decide.ts'
import type { Caller, ResourceFact, Statement, Tags } from '../../src/evaluator/model.ts'
import { factsOf, machine, model, operation, role } from './clinic-model.ts'

// Policies as documentation elsewhere publishes them, with the answers that they should give.

const integer = 'integer'
export const operations = [
  operation('putCluster', 'PUT /cluster/{clusterId}', {
    resourceParameter: 'clusterId',
    request: {
      body: {
        members: {
          metadata: { members: {}, open: true },
          nodeGroups: { members: { maxSize: integer, minSize: integer } },
        },
      },
    },
  }),
  operation('getCluster', 'GET /cluster/{clusterId}', { resourceParameter: 'clusterId' }),
  operation('createPromo', 'POST /api-offers/promo/create', {
    request: {
      body: {
        members: {
          promo: {
            members: {
              discount: { members: { value: integer } },
              targetProducts: { members: { value: 'string' } },
            },
          },
        },
      },
    },
  }),
  operation('updatePromo', 'PUT /api-offers/promo/update/{promoId}', { resourceParameter: 'promoId' }),
  operation('findPatients', 'GET /patient', { request: { query: { identifier: {}, email: {}, name: {} } } }),
  operation('getImage', 'GET /catalog/images/{imageId}', { resourceParameter: 'imageId' }),
]
const ids = operations.map(({ id }) => id)
const compiled = compileModel(model(operations, { resources: 'latchkey', roles: [role('everything', ids)] }))

const own = (tags: Tags): ResourceFact => ({ owner: 'org_a', tags })
const anothers = (tags: Tags): ResourceFact => ({ owner: 'org_b', tags })
const resources = {
  '/cluster/{dev-1}': own({ cluster: ['dev'], clusterType: ['EKS'], namespace: ['NS1'] }),
  '/cluster/{prod-1}': own({ cluster: ['prod'] }),
  '/cluster/{bare-1}': own({}),
  '/api-offers/promo/update/{july}': own({ note: ['independence day promos'] }),
  '/catalog/images/{12345}': own({ department: ['finance', 'hr', 'legal'] }),
  '/cluster/{theirs-1}': anothers({ cluster: ['dev'], namespace: ['NS1'] }),
  '/cluster/{shared-1}': anothers({ cluster: ['dev'], 'access-tag:GET:*': ['org_a'] }),
}

export interface PolicyCase {
  readonly name: string
  /** As it is published. */
  readonly spelling: string
  readonly allow: readonly Statement[]
  readonly tags?: Tags
  readonly requests: readonly (readonly [request: string, expected: string, body?: unknown])[]
}

export const cases: readonly PolicyCase[] = [
  {
    name: 'interns write to dev clusters and read stage and prod',
    spelling: `type: openAPI
allow:
  - PUT: /cluster/{cluster-id}
  - GET: /cluster/{cluster-id}
  where: $resourceTags:cluster = ‘dev’
allow:
  - GET: /cluster/{cluster-id}
  where: $resourceTags:cluster IN (‘stage’, ‘prod’)`,
    allow: [
      { operations: ['putCluster', 'getCluster'], where: "$resourceTags:cluster = 'dev'" },
      { operations: ['getCluster'], where: "$resourceTags:cluster IN ('stage', 'prod')" },
    ],
    requests: [
      ['PUT /cluster/dev-1', 'allowed'],
      ['GET /cluster/prod-1', 'allowed'],
      ['PUT /cluster/prod-1', 'condition_false'],
      ['PUT /cluster/bare-1', 'condition_unknown'],
      ['PUT /cluster/theirs-1', 'unknown_resource'],
      ['GET /cluster/shared-1', 'allowed'],
      ['PUT /cluster/shared-1', 'unknown_resource'],
      ['DELETE /cluster/dev-1', 'method_not_allowed'],
      ['GET /clusters/dev-1', 'unknown_operation'],
    ],
  },
  {
    name: 'development clusters of one type, and case does not matter in tags',
    spelling: `allow:
api:
– PUT:/cluster/{clusterId}
where: $resourceTags:cluster = 'DEV' AND $resourceTags:clustertype = 'eks'`,
    allow: [
      {
        operations: ['putCluster'],
        where: "$resourceTags:cluster = 'DEV' AND $resourceTags:clustertype = 'eks'",
      },
    ],
    requests: [
      ['PUT /cluster/dev-1', 'allowed'],
      ['PUT /cluster/prod-1', 'condition_false'],
    ],
  },
  {
    name: 'promotions of less than ten per cent on one product',
    spelling: `allow:
api:
– POST:/api-offers/promo/create
where: $request:promo:discount:value < 10 AND $request:promo:targetProducts:value IN ('SKU-124')`,
    allow: [
      {
        operations: ['createPromo'],
        where: "$request:promo:discount:value < 10 AND $request:promo:targetProducts:value IN ('SKU-124')",
      },
    ],
    requests: [
      promotion('allowed', { discount: { value: 9 }, targetProducts: { value: 'SKU-124' } }),
      promotion('condition_false', { discount: { value: 10 }, targetProducts: { value: 'SKU-124' } }),
      promotion('condition_false', { discount: { value: 9 }, targetProducts: { value: 'sku-124' } }),
      promotion('condition_unknown', { targetProducts: { value: 'SKU-124' } }),
      ['POST /api-offers/promo/create', 'body_required'],
    ],
  },
  {
    name: 'promotions with a tag',
    spelling: `allow:
api:
– PUT:/api-offers/promo/update/{promo-id}
where: $resourceTag:note = "independence day promos"`,
    allow: [{ operations: ['updatePromo'], where: '$resourceTag:note = "independence day promos"' }],
    requests: [['PUT /api-offers/promo/update/july', 'allowed']],
  },
  {
    name: 'two fields of a cluster, one of them nested',
    spelling: `allow:
apis:
- PUT:/cluster/{clusterId}:[metadata, nodeGroups.maxSize]
where: $resourceTags:cluster = 'dev' AND $resourceTags:namespace IN ('NS1', 'NS2')`,
    allow: [
      {
        operations: ['putCluster'],
        fields: ['metadata', 'nodeGroups.maxSize'],
        where: "$resourceTags:cluster = 'dev' AND $resourceTags:namespace IN ('NS1', 'NS2')",
      },
    ],
    requests: [
      ['PUT /cluster/dev-1', 'allowed', { metadata: { a: 1 } }],
      ['PUT /cluster/dev-1', 'allowed', { nodeGroups: { maxSize: 3 } }],
      ['PUT /cluster/dev-1', 'field_not_allowed', { nodeGroups: { maxSize: 3, minSize: 1 } }],
      ['PUT /cluster/dev-1', 'body_required'],
    ],
  },
  {
    name: 'patients by identifier or e-mail only',
    spelling: `allow:
apis:
- GET:/patient:[identifier, email]`,
    allow: [{ operations: ['findPatients'], fields: ['identifier', 'email'] }],
    requests: [
      ['GET /patient?identifier=7', 'allowed'],
      ['GET /patient?identifier=7&name=x', 'field_not_allowed'],
      ['GET /patient?identifier=7&identifier=8', 'ambiguous_request'],
    ],
  },
  {
    name: 'all tags of the image match, each by one of its values',
    spelling: `type: openAPI
allow:
  - GET: /catalog/images/{image-id}`,
    allow: [{ operations: ['getImage'] }],
    tags: { department: ['HR'], team: ['core'] },
    requests: [
      ['GET /catalog/images/12345', 'allowed'],
      ['GET /catalog/images/99999', 'unknown_resource'],
      ['GET /catalog/images/a%2Fb', 'ambiguous_path'],
    ],
  },
  {
    name: 'a tag that the principal lacks',
    spelling: `allow:
  - getImage`,
    allow: [{ operations: ['getImage'] }],
    tags: { team: ['core'] },
    requests: [['GET /catalog/images/12345', 'tag_mismatch']],
  },
]

function promotion(expected: string, promo: unknown): PolicyCase['requests'][number] {
  return ['POST /api-offers/promo/create', expected, { promo }]
}

/** The reason of the decision on a request, for a caller with a role of these statements. */
export function reasonFor(
  { tags }: PolicyCase,
  allow: readonly Statement[],
  [request, , body]: PolicyCase['requests'][number],
): string {
  const roles = [{ id: 'rol_own', organizationId: 'org_a', allow }]
  const facts = factsOf({ org_a: ['everything'] }, roles, resources)
  const caller: Caller = machine(['rol_own'], tags === undefined ? {} : { tags })
  const [method = '', path = ''] = request.split(' ')
  const sent =
    body === undefined ? {} : { body: { kind: 'value', mediaType: 'application/json', value: body } as const }
  return decide(compiled, facts, caller, { method, path, ...sent }).reason
}
