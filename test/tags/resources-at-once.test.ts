import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { recorder } from '../../src/audit/record.ts'
import { hasCode } from '../../src/errors.ts'
import type { OrganizationId, ResourceId } from '../../src/ids.ts'
import { organizations } from '../../src/organizations/organization.ts'
import { type Service, services } from '../../src/services/service.ts'
import { insert, type Store } from '../../src/storage/ports.ts'
import { changeResourceTags } from '../../src/tags/change-resource-tags.ts'
import { registerResources } from '../../src/tags/register-resources.ts'
import { rehomeResource, removeResource } from '../../src/tags/rehome-resource.ts'
import { findResource, resources, sharedKey } from '../../src/tags/resource.ts'
import { walkResources } from '../../src/tags/walk-resources.ts'
import { openAt } from '../contract/open-at.ts'
import { type Place, stores } from '../contract/stores.ts'
import { type Deployment, granter, noonMs, openDeployment } from '../organizations/deployment.ts'

const dropTimeoutMs = 180_000

describe.each(stores)('resources that several nodes change at once, in $name', (kind) => {
  let place: Place
  let at: Deployment
  /** Of the other node. */
  let other: Store
  let nodes: readonly [Deployment['deps'], Deployment['deps']]
  let cloud: Service
  beforeAll(async () => {
    place = await kind.newPlace()
    at = await openDeployment((clock) => openAt(place.address, clock))
    other = kind.isShared ? await openAt(place.address, at.deps.clock) : at.store
    const commit = recorder(other.commit, at.deps.clock, at.deps.newId)
    nodes = [at.deps, { ...at.deps, records: other.records, commit }]
    const model: Service['model'] = {
      ...{ basePaths: [''], resources: 'latchkey', roles: at.clinic.model.roles },
      operations: [
        {
          ...{
            id: 'getCluster',
            method: 'GET',
            path: '/clusters/{clusterId}',
            parameters: {},
            alternatives: [],
          },
          resourceParameter: 'clusterId',
        },
      ],
    }
    cloud = { ...at.clinic, id: at.deps.newId('svc'), slug: 'cloud', model, createdAt: noonMs }
    await at.store.commit([insert(services, cloud)])
  })
  afterAll(async () => {
    if (other !== at.store) await other.close()
    await at.store.close()
    await place.drop()
  }, dropTimeoutMs)

  const find = (path: string) => findResource(at.deps.records, cloud.id, path.replace(/[^/]+$/, '{$&}'))
  const register = (
    node: Deployment['deps'],
    organization: OrganizationId,
    paths: readonly string[],
    tags = {},
  ) =>
    registerResources(
      node,
      at.by,
      cloud,
      paths.map((path) => ({ path, organization, tags })),
    )
  const everywhere = (index: 'service' | 'shared' = 'service', key: string = cloud.id) =>
    at.deps.records.locate(resources, index, key, { limit: 1_000 })

  test('have one owner each, and whoever lost is told', async () => {
    const paths = Array.from({ length: 40 }, (_, i) => `/clusters/once${i}`)
    const rounds = [0, 10, 20, 30].map((i) => paths.slice(i, i + 10))
    const answers = await Promise.all(
      nodes.map(async (node, i) => {
        const owner = i === 0 ? at.customer.id : at.operator.id
        const told = []
        for (const some of rounds)
          told.push(...(await register(node, owner, i === 0 ? some : some.toReversed())))
        return told
      }),
    )
    const made = answers.flat().flatMap((one) => (one.kind === 'registered' ? [one.resource] : []))
    const lost = answers
      .flat()
      .filter((one) => one.kind === 'refused' && hasCode(one.error, 'already_exists'))
    expect([made.length, lost.length]).toEqual([40, 40])
    expect(await Promise.all(paths.map(find))).toEqual(
      paths.map((path) => made.find(({ name }) => name === path.replace(/[^/]+$/, '{$&}'))),
    )
    const places = await everywhere()
    expect(places.map(({ id }) => id).toSorted()).toEqual(made.map(({ id }) => id).toSorted())
  })

  test('are re-homed or removed, never both, and are listed where they are', async () => {
    for (let i = 0; i < 5; i++) {
      const path = `/clusters/moved${i}`
      await register(nodes[0], at.customer.id, [path])
      const [moved, removed] = await Promise.allSettled([
        rehomeResource(nodes[0], at.by, cloud, { path, organization: at.operator.id }),
        removeResource(nodes[1], at.by, cloud, { path }),
      ])
      const found = await find(path)
      // Whoever came first may have been followed by the other.
      if (removed.status === 'fulfilled') expect(found).toBeUndefined()
      else expect(found).toEqual(moved.status === 'fulfilled' ? moved.value : undefined)
      const failed = [moved, removed].flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
      for (const cause of failed)
        expect(hasCode(cause, 'conflict') || hasCode(cause, 'resource_not_found'), String(cause)).toBe(true)
      const ofName = (await everywhere()).filter(({ id }) => id === found?.id)
      expect(ofName.map(({ organizationId }) => organizationId)).toEqual(
        found === undefined ? [] : [at.operator.id],
      )
    }
  })

  test('that are re-homed while they are tagged have no tag of the owner before, and are shared with nobody', async () => {
    const tags = { 'access-tag:GET:*': [at.operator.id], env: ['dev'] }
    for (let i = 0; i < 5; i++) {
      const path = `/clusters/tagged${i}`
      const [registered] = await register(nodes[0], at.customer.id, [path])
      if (registered?.kind !== 'registered') throw new Error('it was not registered')
      const { id } = registered.resource
      const [tagged, moved] = await Promise.allSettled([
        changeResourceTags(nodes[1], at.by, granter, at.customer.id, id, { tags }),
        rehomeResource(nodes[0], at.by, cloud, { path, organization: at.operator.id }),
      ])
      expect([tagged.status, moved.status]).toContain('fulfilled')
      if (moved.status === 'rejected')
        await rehomeResource(nodes[0], at.by, cloud, { path, organization: at.operator.id })
      expect(await find(path)).toMatchObject({ organizationId: at.operator.id, tags: {} })
    }
    expect(await everywhere('shared', sharedKey(cloud.id, at.operator.id))).toEqual([])
  })

  test('that are removed while they are listed leave no other out', async () => {
    const paths = Array.from({ length: 250 }, (_, i) => `/clusters/listed${i}`)
    const id = at.deps.newId('org')
    const owner = { ...at.customer, id, organizationId: id, slug: 'listed' }
    await at.store.commit([insert(organizations, owner)])
    const made = await register(nodes[0], owner.id, paths)
    const ids = made.flatMap((one) => (one.kind === 'registered' ? [one.resource.id] : []))
    const gone = new Set(paths.filter((_, i) => i % 4 === 1))
    const seen: ResourceId[] = []
    const walk = { serviceId: cloud.id, organizationId: owner.id, isSharedWithAnyone: false }
    for await (const steps of walkResources(at.deps.records, walk)) {
      const isFirst = seen.length === 0
      seen.push(...steps.flatMap(({ resource }) => resource?.id ?? []))
      if (isFirst) for (const path of gone) await removeResource(nodes[1], at.by, cloud, { path })
    }
    expect(ids).toHaveLength(250)
    const left = ids.filter((_, i) => i % 4 !== 1)
    expect(seen.filter((id) => left.includes(id))).toEqual(left.toSorted())
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.length).toBeLessThan(ids.length)
  })
})
