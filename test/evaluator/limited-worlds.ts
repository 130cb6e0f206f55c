import fc from 'fast-check'
import type { DecisionRequest } from '../../src/evaluator/decide.ts'
import type {
  Caller,
  FilterStatement,
  Operation,
  ResourceFact,
  ServiceModel,
  Statement,
  Tags,
} from '../../src/evaluator/model.ts'
import type { BodyAtHand } from '../../src/evaluator/request/json-body.ts'
import { printCondition } from '../../src/evaluator/where/print-condition.ts'
import { matches } from './naive-decide.ts'
import { naiveNames } from './naive-resource.ts'
import { fewConditions } from './where/conditions.ts'
import { names, some, world } from './worlds.ts'

// The worlds of `worlds.ts`, with `where` and `fields` in statements, filters in roles, resources with owners and tags, tags of principals,
// and requests with a query and a body. Few names and values, so that they meet.

type ValueOf<A> = A extends fc.Arbitrary<infer T> ? T : never
type World = ValueOf<typeof world>

const limits: fc.Arbitrary<Pick<Statement, 'where' | 'fields'>> = fc
  .record({
    where: fc.option(fewConditions.map(printCondition), { nil: undefined, freq: 2 }),
    fields: fc.option(some(['a', 'b', 'c', 'c.d', '*', 'c.*'], 3), { nil: undefined, freq: 2 }),
  })
  .map(({ where, fields }) => ({
    ...(where === undefined ? {} : { where }),
    ...(fields === undefined ? {} : { fields }),
  }))

/** Each statement once or twice, with limits or without. */
const limited = (allow: readonly Statement[]): fc.Arbitrary<Statement[]> =>
  fc
    .array(limits, { minLength: 1, maxLength: 2 })
    .map((several) => allow.flatMap((statement) => several.map((one) => ({ ...statement, ...one }))))

const filterStatements = (ids: readonly string[]): fc.Arbitrary<FilterStatement[]> =>
  fc.array(
    fc
      .record({
        operations: some(ids),
        fields: some(['a', 'b', 'c', 'c.d', '*', '*.e'], 3).filter((fields) => fields.length > 0),
        mask: fc.constantFrom(undefined, undefined, '***'),
      })
      .map(({ mask, ...one }) => (mask === undefined ? one : { ...one, mask })),
    { minLength: 1, maxLength: 2 },
  )

/** Half of the roles have filters, of whatever operations there are. */
const withLimits = <R extends { readonly allow: readonly Statement[] }>(
  roles: readonly R[],
  operations: readonly Operation[],
): fc.Arbitrary<R[]> => {
  const filters = fc.option(filterStatements(operations.map(({ id }) => id)), { nil: undefined, freq: 2 })
  const changed = (role: R) =>
    fc
      .tuple(limited(role.allow), filters)
      .map(([allow, filter]) => ({ ...role, allow, ...(filter === undefined ? {} : { filter }) }))
  return fc.tuple(...roles.map(changed))
}

const request = { query: { a: {} }, body: { members: { b: 'any', c: 'any' }, open: true } } as const

const withResource = (operation: Operation): fc.Arbitrary<Operation> => {
  const parameters = Object.keys(parametersOf(operation.path))
  if (parameters.length === 0) return fc.constant({ ...operation, request })
  return fc
    .constantFrom(...parameters)
    .map((resourceParameter) => ({ ...operation, request, resourceParameter }))
}

function parametersOf(path: string): Readonly<Record<string, true>> {
  return Object.fromEntries(Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => [name, true]))
}

const tagValues = some(['dev', 'DEV', 'prod', '5'], 2).filter((values) => values.length > 0)
const plainTags: fc.Arbitrary<Tags> = fc.dictionary(fc.constantFrom('env', 'size', 'Team'), tagValues, {
  maxKeys: 2,
})
const accessTags: fc.Arbitrary<Tags> = fc.dictionary(
  fc.constantFrom(
    'access-tag:GET:*',
    'access-tag:*:/',
    'Access-Tag:post:/b',
    'access-tag:*:/{x}',
    'latchkey:origin',
  ),
  some(['org_a', 'org_b', '*'], 1).filter((values) => values.length > 0),
  { maxKeys: 2 },
)

const resource: fc.Arbitrary<ResourceFact> = fc
  .tuple(fc.constantFrom('org_a', 'org_b'), plainTags, fc.oneof(fc.constant({}), accessTags))
  .map(([owner, plain, access]) => ({ owner, tags: { ...plain, ...access } }))

const pathOf = ({ path }: Operation, ids: readonly string[]): string =>
  path
    .split('/')
    .map((segment, index) => (segment.startsWith('{') ? (ids[index - 1] ?? 'a') : segment))
    .join('/')

/** Mostly to the operations that there are. */
const requestsTo = (
  operations: readonly Operation[],
  given: World['requests'],
): fc.Arbitrary<LimitedRequest[]> => {
  const ids = fc.array(fc.constantFrom('a', 'b', 'org_a', 'org_b'), { minLength: 3, maxLength: 3 })
  const known = fc
    .tuple(fc.constantFrom(...operations), ids)
    .map(([operation, some]) => [operation.method, pathOf(operation, some)] as const)
  const place = fc.oneof({ weight: 9, arbitrary: known }, { weight: 1, arbitrary: fc.constantFrom(...given) })
  const one = fc
    .record({ place, query, body })
    .map(({ place: [method, path], ...rest }) => ({ method, path, ...rest }))
  return fc.array(one, { minLength: 20, maxLength: 40 })
}

/** Resources at the places that requests lead to. */
function resourcesAt(
  operations: readonly Operation[],
  requests: readonly LimitedRequest[],
): fc.Arbitrary<Readonly<Record<string, ResourceFact>>> {
  const places = operations.flatMap((operation) =>
    requests.flatMap(({ path }) => {
      const parameters = matches(operation.path, path)
      if (parameters === undefined) return []
      return naiveNames(operation, parameters).map((level) => level.name)
    }),
  )
  if (places.length === 0) return fc.constant({})
  return fc.dictionary(fc.constantFrom(...places), resource, { minKeys: 1, maxKeys: 30, size: 'max' })
}

const value = fc.oneof(
  fc.constantFrom('dev', 'prod', '5', '', 5, 7, true, null),
  fc.constant([]),
  fc.constant(['dev', 'dev']),
  fc.constant({ d: 1 }),
  fc.constant(['dev', 'prod']),
)
const body = fc.option(
  fc.oneof(fc.dictionary(fc.constantFrom('b', 'c', 'e'), value, { maxKeys: 2 }), fc.constant([])),
  { nil: undefined },
)
const query = fc.array(
  fc.tuple(fc.constantFrom('a', 'a', 'b', 'z'), fc.constantFrom('dev', 'prod', '5', '')),
  { maxLength: 2 },
)

export interface LimitedWorld extends Omit<World, 'requests'> {
  readonly model: ServiceModel
  readonly callers: Caller[]
  readonly resources: Readonly<Record<string, ResourceFact>>
  readonly requests: readonly LimitedRequest[]
}

export interface LimitedRequest {
  readonly method: string
  readonly path: string
  readonly query: ValueOf<typeof query>
  readonly body: unknown
  readonly isBodyUnread?: true
}

export const limitedWorld: fc.Arbitrary<LimitedWorld> = world.chain((one) =>
  fc.tuple(...one.model.operations.map(withResource)).chain((operations) =>
    requestsTo(operations, one.requests).chain((requests) =>
      fc
        .record({
          serviceRoles: withLimits(one.model.roles, operations),
          roles: withLimits(one.roles, operations),
          entitlement: fc.oneof(fc.constant(names), fc.constant(one.entitlement)),
          settings: fc.constantFrom<Pick<ServiceModel, 'resources' | 'sharedWithAnyone'>>(
            {},
            { resources: 'latchkey' },
            { resources: 'latchkey', sharedWithAnyone: true },
          ),
          resources: resourcesAt(operations, requests),
          tags: fc.array(fc.option(plainTags, { nil: undefined }), { minLength: 5, maxLength: 5 }),
        })
        .map(({ serviceRoles, roles, entitlement, settings, resources, tags }) => ({
          entitlement,
          model: { ...one.model, operations, roles: serviceRoles, ...settings },
          roles,
          resources,
          callers: one.callers.map((caller, index) => {
            const own = tags[index]
            const roles = index % 2 === 0 ? caller.roles : [...new Set([...caller.roles, ...names])]
            return own === undefined ? { ...caller, roles } : { ...caller, roles, tags: own }
          }),
          requests,
        })),
    ),
  ),
)

/** As it would be sent, with a JSON body. */
export function decisionRequest({ method, path, query, ...sent }: LimitedRequest): DecisionRequest {
  const parameters = query.map(([name, value]) => `${name}=${value}`)
  return {
    method,
    path: parameters.length === 0 ? path : `${path}?${parameters.join('&')}`,
    body: bodyAtHand(sent),
  }
}

function bodyAtHand({ body, isBodyUnread }: Pick<LimitedRequest, 'body' | 'isBodyUnread'>): BodyAtHand {
  if (isBodyUnread === true) return { kind: 'unread' }
  if (body === undefined) return { kind: 'none' }
  return { kind: 'text', mediaType: 'application/json', text: JSON.stringify(body) }
}
