import { beforeAll, describe, expect, test } from 'vitest'
import { type ReachableQuestion, reachableResources } from '../../src/decisions/reachable-resources.ts'
import { compileResource } from '../../src/evaluator/compiled-resource.ts'
import type { ResourceFact, ServiceModel, Tags } from '../../src/evaluator/model.ts'
import type { ResourceKey } from '../../src/evaluator/resource-key.ts'
import type { OrganizationId } from '../../src/ids.ts'
import { compiledModelOf } from '../../src/services/operations-of.ts'
import { insert, remove } from '../../src/storage/ports.ts'
import { findResource, type Resource, resources } from '../../src/tags/resource.ts'
import { walkCursor } from '../../src/tags/walk-resources.ts'
import { opened } from '../contract/opened.ts'
import { stores } from '../contract/stores.ts'
import { factsOf, machine, operation, role } from '../evaluator/clinic-model.ts'
import { newId } from './node.ts'

const cluster = { parameters: { id: {} }, resourceParameter: 'id' }
const model: ServiceModel = {
  basePaths: ['/v1'],
  resources: 'latchkey',
  operations: [
    operation('get', 'GET /clusters/{id}', cluster),
    operation('put', 'PUT /clusters/{id}', {
      ...cluster,
      request: { body: { members: { size: 'integer' } } },
    }),
    operation('getAny', 'GET /{kind}/{id}', cluster),
    operation('list', 'GET /clusters'),
  ],
  roles: [
    role('all', ['get', 'put', 'getAny']),
    role('small', [], { allow: [{ operations: ['put'], where: '$request:size < 10' }] }),
  ],
}
const open = { ...model, sharedWithAnyone: true as const }
const serviceId = newId('svc')
const [ours, theirs, others] = [newId('org'), newId('org'), newId('org')]

function resource(owner: OrganizationId, id: string, tags: Tags = {}, service = serviceId): Resource {
  return {
    ...{
      id: newId('res'),
      organizationId: owner,
      version: 1,
      serviceId: service,
      name: `/clusters/{${id}}`,
      tags,
    },
    ...{ registeredBy: 'key_1', createdAt: 0 },
  }
}

const shareWith = (...organizations: readonly string[]): Tags => ({ 'access-tag:GET:*': organizations })

describe.each(stores)('what a principal may reach, $name', (kind) => {
  const at = opened(kind)
  beforeAll(async () => {
    await at.store.commit([
      insert(resources, resource(ours, 'o0', { env: ['dev'] })),
      ...Array.from({ length: 130 }, (_, i) =>
        insert(resources, resource(ours, `own${i}`, { env: [`e${i % 2}`] })),
      ),
      insert(resources, resource(ours, 'mine-and-anyones', shareWith('*', ours))),
      insert(resources, resource(theirs, 'unshared')),
      insert(resources, resource(theirs, 'shared', { ...shareWith(ours, others), env: ['x'] })),
      insert(resources, resource(theirs, 'with-others', shareWith(others))),
      insert(resources, resource(theirs, 'anyones', shareWith('*'))),
      insert(resources, resource(others, 'both', shareWith('*', ours.toUpperCase()))),
      insert(resources, resource(ours, 'another-service', {}, newId('svc'))),
    ])
  })
  function asking(question: Partial<ReachableQuestion> & { readonly tags?: Tags }, serviceModel = model) {
    const facts = factsOf({ [ours]: ['all', 'small'] })
    let asked: Readonly<Record<string, ResourceFact | null>> = {}
    const factsFor = async (_: unknown, names: readonly string[] = []) => {
      const found = names.map(async (name) => [name, await factNamed(name)] as const)
      asked = Object.fromEntries(await Promise.all(found))
      const known = asked
      return {
        ...facts,
        resource: ({ name }: ResourceKey) => {
          const fact = known[name]
          return fact && compileResource(fact)
        },
      }
    }
    const caller = machine(['all'], { organizationId: ours, ...(question.tags && { tags: question.tags }) })
    return (limit: number, cursor?: string) =>
      reachableResources(
        { records: at.store.records, factsFor },
        { serviceId, model: compiledModelOf(serviceModel), caller, operationId: 'put', ...question },
        { limit, cursor },
      )
  }

  async function factNamed(name: string): Promise<ResourceFact | null> {
    const found = await findResource(at.store.records, serviceId, name)
    return found === undefined ? null : { owner: found.organizationId, tags: found.tags }
  }

  async function pages(ask: ReturnType<typeof asking>, limit: number) {
    const items: string[] = []
    let count = 0
    let cursor: string | undefined
    do {
      const page = await ask(limit, cursor)
      if (page.nextCursor !== null) expect(page.nextCursor).toMatch(walkCursor)
      items.push(...page.items.map(({ resource, standing }) => `${standing} ${resource.name}`))
      cursor = page.nextCursor ?? undefined
      count++
    } while (cursor !== undefined)
    return { items, count }
  }

  test('is what its organization owns, and may be done, in a stable order and page by page', async () => {
    const ask = asking({ tags: { env: ['e0', 'dev'] } })
    const { items, count } = await pages(ask, 20)
    expect(items).toHaveLength(66 + 1)
    expect(new Set(items).size).toBe(items.length)
    expect(count).toBe(4)
    expect((await pages(ask, 50)).items).toEqual(items)
  })

  test('is what others share with it, each once, and nothing of what they do not', async () => {
    const get = { tags: { env: ['e0', 'e1', 'dev'] }, operationId: 'get' }
    const shared = async (serviceModel: ServiceModel) =>
      (await pages(asking(get, serviceModel), 200)).items.filter((one) => one.startsWith('shared'))
    const named = operations(model)
    expect((await shared(named)).sort()).toEqual(['shared /clusters/{both}', 'shared /clusters/{shared}'])
    expect((await shared(operations(open))).sort()).toEqual([
      'shared /clusters/{anyones}',
      'shared /clusters/{both}',
      'shared /clusters/{shared}',
    ])
    expect((await pages(asking({ ...get, operationId: 'put' }, operations(open)), 200)).items).toHaveLength(
      132,
    )
  })

  test('says what depends on the request, by its operation', async () => {
    const caller = machine(['small'], { organizationId: ours })
    const { items } = await asking({ caller })(1)
    expect(items[0]?.operations).toMatchObject([{ operation: { id: 'put' }, reach: 'depends_on_request' }])
  })

  test('takes in what overlapping paths lead to', async () => {
    const [one, two] = [
      resource(ours, 'overlapped'),
      { ...resource(ours, 'x'), name: '/{clusters}/{overlapped}' },
    ]
    const get = asking({ tags: { env: ['e0', 'e1', 'dev'] }, operationId: 'get' })
    expect((await pages(get, 200)).items).toEqual([])
    await at.store.commit([insert(resources, one), insert(resources, two)])
    expect((await pages(get, 200)).items).toEqual(['owned /clusters/{overlapped}'])
    await at.store.commit([remove(resources, one), remove(resources, two)])
  })

  test('is nothing at all without a role for it, and asks for no resource then', async () => {
    const caller = machine([], { organizationId: ours })
    expect(await asking({ caller })(20)).toEqual({ items: [], nextCursor: null })
  })

  test('is refused where the API itself knows its resources, and for what is no operation on one', async () => {
    const { resources: _, ...api } = model
    await expect(asking({}, api)(20)).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(asking({ operationId: 'gett' })(20)).rejects.toMatchObject({
      faults: [{ pointer: '?operation', fix: 'did you mean get?' }],
    })
    await expect(asking({ operationId: 'list' })(20)).rejects.toMatchObject({ code: 'invalid_request' })
  })
})

/** Without the operation that overlaps. */
function operations({ operations, ...rest }: ServiceModel): ServiceModel {
  return { ...rest, operations: operations.filter(({ id }) => id !== 'getAny') }
}
