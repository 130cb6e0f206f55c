import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Tags } from '../../src/evaluator/model.ts'
import { type Collection, type CommitChanges, insert } from '../../src/storage/ports.ts'
import { listSharedResources } from '../../src/tags/list-shared.ts'
import { type Resource, resources, sharedKey } from '../../src/tags/resource.ts'
import { type Deployment, noonMs, openDeployment } from '../organizations/deployment.ts'

/** As 0.3.0 declared them. */
const { shared: _shared, ...indexesBefore } = resources.indexes
const resourcesBefore: Collection<Resource> = { ...resources, indexes: indexesBefore }

let at: Deployment
beforeEach(async () => {
  at = await openDeployment()
})
afterEach(() => at.store.close())

function resource(i: number, tags: Tags): Resource {
  return {
    ...{ id: at.deps.newId('res'), organizationId: at.operator.id, version: 1, serviceId: at.clinic.id },
    ...{ name: `/patients/{p${i}}`, tags, registeredBy: 'key', createdAt: noonMs },
  }
}

async function keep(...all: readonly Resource[]): Promise<void> {
  const [first, ...others] = all.map((one) => insert(resourcesBefore, one))
  if (first !== undefined) await at.store.commit([first, ...others])
}

const sharedWithCustomer = () =>
  at.store.records.locate(resources, 'shared', sharedKey(at.clinic.id, at.customer.id), { limit: 1_000 })
const run = (commit: CommitChanges = at.store.commit) =>
  listSharedResources({ records: at.store.records, commit, clock: () => noonMs })

test('resources of a store from before are listed under whom they are shared with, and nothing else of them changes', async () => {
  const shared = Array.from({ length: 700 }, (_, i) =>
    resource(i, { 'access-tag:GET:*': [at.customer.id], ward: ['north'] }),
  )
  const own = resource(1_000, { ward: ['north'] })
  await keep(own, ...shared)
  expect(await sharedWithCustomer()).toEqual([])
  await run()
  expect((await sharedWithCustomer()).map(({ id }) => id)).toEqual(shared.map(({ id }) => id).toSorted())
  expect(await at.store.records.find(at.operator.id, resources, own.id)).toEqual(own)
  const [first] = shared
  expect(first && (await at.store.records.find(at.operator.id, resources, first.id))).toEqual({
    ...first,
    version: 2,
  })
})

test('that is done once, by whichever node; and again where it was cut short', async () => {
  await keep(resource(1, { 'access-tag:GET:*': [at.customer.id] }))
  const cut = run(async () => {
    throw new Error('the process ended')
  })
  await expect(cut).rejects.toThrow()
  await Promise.all([run(), run()])
  expect(await sharedWithCustomer()).toHaveLength(1)
  const position = await at.store.changes.head()
  await run()
  expect(await at.store.changes.head()).toBe(position)
})
