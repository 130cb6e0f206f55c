import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import type { Operation, ServiceModel, Tags } from '../../src/evaluator/model.ts'
import { type Service, services } from '../../src/services/service.ts'
import { insert, type Records } from '../../src/storage/ports.ts'
import { changeResourceTags } from '../../src/tags/change-resource-tags.ts'
import { listResources } from '../../src/tags/list-resources.ts'
import { nameOf } from '../../src/tags/named-resource.ts'
import { registerResources, type WantedResource } from '../../src/tags/register-resources.ts'
import { rehomeResource, removeResource } from '../../src/tags/rehome-resource.ts'
import { findResource, pathIn, type Resource, resources } from '../../src/tags/resource.ts'
import { resourceBelongings, resourceContents } from '../../src/tags/resource-belongings.ts'
import { resourceTags } from '../../src/tags/resource-tags.ts'
import { type Deployment, granter, holderOf, noonMs, openDeployment } from '../organizations/deployment.ts'

function operation(path: string, resourceParameter: string, more: Partial<Operation> = {}): Operation {
  return { id: path, method: 'GET', path, parameters: {}, alternatives: [], resourceParameter, ...more }
}

const model: ServiceModel = {
  basePaths: [''],
  resources: 'latchkey',
  operations: [
    operation('/clusters/{clusterId}/nodes/{nodeId}', 'nodeId', {
      parameters: { clusterId: { type: 'string', maxLength: 8 }, nodeId: { type: 'integer' } },
    }),
    operation('/notes/{noteId}', 'noteId', { namespace: 'organization' }),
    operation('/disks/{diskId}/in/{region}', 'diskId', { namespace: { parameter: 'region' } }),
  ],
  roles: [
    { name: 'user', grantable: true, inDefaultEntitlement: true, delegable: false, include: [], allow: [] },
  ],
}

let at: Deployment
let cloud: Service
beforeEach(async () => {
  at = await openDeployment()
  cloud = { ...at.clinic, id: at.deps.newId('svc'), slug: 'cloud', model, createdAt: noonMs }
  await at.store.commit([insert(services, cloud)])
})
afterEach(() => at.store.close())

const register = (...wanted: Partial<WantedResource>[]) =>
  registerResources(
    at.deps,
    at.by,
    cloud,
    wanted.map((one) => ({ path: '/clusters/c1', organization: at.customer.id, ...one })),
  )

async function registered(wanted: Partial<WantedResource> = {}): Promise<Resource> {
  const [one] = await register(wanted)
  if (one?.kind !== 'registered') throw new Error('it was not registered')
  return one.resource
}

const find = (name: string) => findResource(at.deps.records, cloud.id, name)
const events = (organizationId: Deployment['customer']['id']) =>
  at.deps.records.list(organizationId, auditEvents, 'all', '', { limit: 100 })

describe('registering resources', () => {
  test('keeps owner and tags under the name, found whoever owns it', async () => {
    const made = await registered({ tags: { env: ['dev'] } })
    expect(await find('/clusters/{c1}')).toEqual(made)
    expect(made).toMatchObject({ organizationId: at.customer.id, tags: { env: ['dev'] } })
  })

  test('again changes nothing, its tags neither; another owner’s is refused', async () => {
    await registered({ tags: { env: ['dev'] } })
    const again = await register({ tags: { env: ['prod'] } }, { organization: at.operator.id })
    expect(again).toMatchObject([
      { kind: 'unchanged' },
      { kind: 'refused', error: { code: 'already_exists', faults: [{ pointer: '/path' }] } },
    ])
    expect(await find('/clusters/{c1}')).toMatchObject({ tags: { env: ['dev'] } })
  })

  test('answers each of many by itself, in one commit with one event an owner', async () => {
    const before = await at.store.changes.head()
    const many = Array.from({ length: 300 }, (_, i) => ({ path: `/clusters/c${i}` }))
    const answers = await register(...many, { path: '/clusters/c7' }, { path: '/cluster/c1' })
    expect(answers.filter(({ kind }) => kind === 'registered')).toHaveLength(300)
    expect(answers.slice(300)).toMatchObject([
      { kind: 'unchanged' },
      {
        kind: 'refused',
        error: { faults: [{ pointer: '/path', fix: 'did you mean /clusters/{clusterId}?' }] },
      },
    ])
    expect(await at.store.changes.head()).toBe(before + 1)
    const told = await events(at.customer.id)
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({ type: 'resource.registered', details: { count: 300, service: 'cloud' } })
    expect(told[0]?.details['names']).toHaveLength(20)
  })

  test.each([
    [{ path: '/clusters/123456789' }, '/path', /id that \/clusters\/\{clusterId\} does not allow/],
    [{ path: '/clusters/c1/nodes/one' }, '/path', /does not allow/],
    [{ path: '/clusters/../x' }, '/path', /read in one way alone/],
    [{ path: '/clusters/c1?x=1' }, '/path', /names no resource|does not allow/],
    [{ path: '/clusters/c1', namespace: 'eu' }, '/namespace', /has no namespace/],
    [{ path: '/disks/d1' }, '/namespace', /unique only within the \{region\}/],
    [{ organization: 'org_01jz8x6v0kq3m5n7p9r1s3t5v7' }, '/organization', /names no organization/],
  ])('refuses %j with its place', async (wanted, pointer, detail) => {
    expect(await register(wanted)).toMatchObject([
      { kind: 'refused', error: { faults: [{ pointer, detail: expect.stringMatching(detail) }] } },
    ])
  })

  test('names what is unique only within a namespace by that, too', async () => {
    expect(await registered({ path: '/disks/d1', namespace: 'eu' })).toMatchObject({
      name: '{eu}/disks/{d1}',
    })
    const note = await registered({ path: '/notes/1' })
    expect(note.name).toBe(`{${at.customer.id}}/notes/{1}`)
    expect(pathIn(note.name)).toEqual({ path: '/notes/1', namespace: at.customer.id })
    expect((await registered({ path: '/notes/1', organization: at.operator.id })).name).not.toBe(note.name)
  })

  test('lets one of two calls that race register, and both succeed', async () => {
    const both = await Promise.all([register({ path: '/clusters/r' }), register({ path: '/clusters/r' })])
    expect(
      both
        .flat()
        .map(({ kind }) => kind)
        .toSorted(),
    ).toEqual(['registered', 'unchanged'])
  })
})

describe('re-homing and removing', () => {
  test('gives another owner, told in both trails, without the tags of the owner before', async () => {
    await registered({ tags: { 'access-tag:GET:*': [at.operator.id] } })
    const wanted = { path: '/clusters/c1', organization: at.operator.id }
    const moved = await rehomeResource(at.deps, at.by, cloud, wanted)
    expect(moved).toMatchObject({ organizationId: at.operator.id, tags: {} })
    expect(await find('/clusters/{c1}')).toEqual(moved)
    for (const { id } of [at.customer, at.operator])
      expect((await events(id)).map(({ type }) => type)).toContain('resource.rehomed')
  })

  test('renames what is unique only within its owner', async () => {
    const { name } = await registered({ path: '/notes/1' })
    const wanted = { path: '/notes/1', namespace: at.customer.id, organization: at.operator.id }
    await rehomeResource(at.deps, at.by, cloud, wanted)
    expect(await find(name)).toBeUndefined()
    expect(await find(nameOf(model, { path: '/notes/1' }, at.operator.id))).toBeDefined()
  })

  test('leaves a namespace that the path names, though it is the owner before', async () => {
    const named = { path: '/disks/d1', namespace: at.customer.id }
    const { name } = await registered(named)
    const moved = await rehomeResource(at.deps, at.by, cloud, { ...named, organization: at.operator.id })
    expect(moved).toMatchObject({ name, organizationId: at.operator.id })
  })

  test('is found by who looks for it meanwhile', async () => {
    await registered()
    let isMoved = false
    const meanwhile: Records = {
      ...at.deps.records,
      locate: async (from, index, key, page) => {
        const found = await at.deps.records.locate(from, index, key, page)
        const wanted = { path: '/clusters/c1', organization: at.operator.id }
        if (!isMoved) await rehomeResource(at.deps, at.by, cloud, wanted)
        isMoved = true
        return found
      },
    }
    const found = await findResource(meanwhile, cloud.id, '/clusters/{c1}')
    expect(found).toMatchObject({ organizationId: at.operator.id })
  })

  test('takes a resource away, if it is the version that was read', async () => {
    await registered()
    const named = { path: '/clusters/c1' }
    const old = removeResource(at.deps, at.by, cloud, { ...named, ifMatch: 2 })
    await expect(old).rejects.toMatchObject({ code: 'precondition_failed' })
    await removeResource(at.deps, at.by, cloud, { ...named, ifMatch: 1 })
    expect(await find('/clusters/{c1}')).toBeUndefined()
    await expect(removeResource(at.deps, at.by, cloud, named)).rejects.toMatchObject({
      code: 'resource_not_found',
    })
  })
})

describe('the tags of a resource', () => {
  const change = (resource: Resource, tags: Tags, giver = granter, organizationId = at.customer.id) =>
    changeResourceTags(at.deps, at.by, giver, organizationId, resource.id, { tags })

  test('are changed by its owner alone', async () => {
    const resource = await registered()
    expect(await change(resource, { env: ['prod'] })).toMatchObject({ version: 2, tags: { env: ['prod'] } })
    await expect(change(resource, {}, granter, at.operator.id)).rejects.toMatchObject({
      code: 'resource_not_found',
    })
  })

  test('are given and taken under the one rule for giving', async () => {
    const resource = await registered({ tags: { env: ['prod'] } })
    const refused = { code: 'tag_not_grantable' }
    const giver = { ...holderOf(), tags: { team: ['core'] } }
    await expect(change(resource, { env: ['prod'], team: ['core'] }, giver)).resolves.toBeDefined()
    await expect(change(resource, { env: ['prod'], team: ['other'] }, giver)).rejects.toMatchObject(refused)
    await expect(change(resource, { team: ['core'] }, giver)).rejects.toMatchObject(refused)
  })

  test('share with anyone only by leave of the service’s owner', async () => {
    const resource = await registered()
    const open = { 'access-tag:GET:*': ['*'] }
    await expect(change(resource, open)).rejects.toMatchObject({ code: 'tag_not_grantable' })
    expect(await register({ path: '/clusters/c2', tags: open })).toMatchObject([{ kind: 'refused' }])
    const after = { ...cloud, version: 2, model: { ...model, sharedWithAnyone: true as const } }
    await at.store.commit([{ kind: 'update', collection: services, before: cloud, after }])
    await expect(change(resource, open)).resolves.toMatchObject({ tags: open })
  })

  test('share something: an access tag that matches no operation is refused, with one that does', async () => {
    const shared = (key: string) => ({ [key]: [at.operator.id] })
    const fault = (key: string, fix: string) => ({
      code: 'invalid_request',
      faults: [{ pointer: `/tags/${key.replaceAll('/', '~1')}`, fix: expect.stringContaining(fix) }],
    })
    const resource = await registered()
    for (const [key, fix] of [
      ['access-tag:GET:/nods/{nodeId}', 'did you mean access-tag:GET:/nodes/{nodeId}?'],
      ['access-tag:PUT:*', 'write access-tag:GET:/nodes/{nodeId}, or *'],
      ['access-tag:*:/', 'write access-tag:GET:/nodes/{nodeId}, or *'],
      ['access-tag:GET:/**', 'write access-tag:GET:/nodes/{nodeId}, or *'],
    ] as const) {
      await expect(change(resource, shared(key))).rejects.toMatchObject(fault(key, fix))
      const refused = await register({ path: '/clusters/c2', tags: shared(key) })
      expect(refused).toMatchObject([{ kind: 'refused', error: fault(key, fix) }])
      const moved = { path: '/clusters/c1', organization: at.operator.id, tags: shared(key) }
      await expect(rehomeResource(at.deps, at.by, cloud, moved)).rejects.toMatchObject(fault(key, fix))
    }
    const tags = {
      ...shared('access-tag:*:/Nodes/{n}'),
      ...shared('access-tag:GET:*'),
      ...shared('access-tag:*:*'),
    }
    expect(await change(resource, tags)).toMatchObject({ tags })
  })

  test('stay where they shared something once', async () => {
    const tags = { 'access-tag:GET:/nodes/{n}': [at.operator.id] }
    const resource = await registered({ tags })
    const after = { ...cloud, version: 2, model: { ...model, operations: model.operations.slice(1) } }
    await at.store.commit([{ kind: 'update', collection: services, before: cloud, after }])
    await expect(change(resource, { ...tags, env: ['dev'] })).resolves.toMatchObject({ tags })
  })

  test.each([
    ['a method that is none', { 'access-tag:FETCH:*': ['*'] }],
    ['a suffix that is no path', { 'access-tag:GET:logs': ['*'] }],
    ['a value that is no organization', { 'access-tag:GET:/logs': ['everybody'] }],
    ['a tag of Latchkey', { 'latchkey:owner': ['x'] }],
    ['a key twice but for case', { env: ['a'], ENV: ['b'] }],
  ])('are refused with %s', (_name, tags) => {
    expect(resourceTags.safeParse(tags).success).toBe(false)
  })

  test('are found by', async () => {
    const one = await registered({ tags: { Env: ['Dev', 'test'] } })
    await registered({ path: '/clusters/c2', tags: { env: ['prod'] } })
    const list = (filter: object) =>
      listResources(at.deps.records, at.customer.id, filter, { limit: 10 }).then((all) =>
        all.map(({ id }) => id),
      )
    expect(await list({ service: 'cloud', tag: 'env=dev' })).toEqual([one.id])
    expect(await list({ service: 'cloud', path: '/clusters/c1' })).toEqual([one.id])
    expect(await list({ service: 'cloud' })).toHaveLength(2)
    expect(await list({})).toHaveLength(2)
    await expect(list({ tag: 'env=dev' })).rejects.toMatchObject({ faults: [{ pointer: '?service' }] })
  })
})

describe('the resources of what is deleted', () => {
  test('go with their service, and with their owner', async () => {
    await register(...Array.from({ length: 600 }, (_, i) => ({ path: `/clusters/c${i}` })))
    const contents = resourceContents(at.deps)
    expect(await contents.count(cloud, 1_000)).toBe(600)
    await contents.tidy(at.by, cloud)
    expect(await contents.count(cloud, 1_000)).toBe(0)
    await registered()
    const belongings = resourceBelongings(at.deps)
    await belongings.tidy(at.customer.id, at.by)
    expect(await belongings.count(at.customer.id, 10)).toBe(0)
    expect(await at.deps.records.locate(resources, 'service', cloud.id, { limit: 1 })).toEqual([])
  })

  test('go to the end, though it is cut short between two pages', async () => {
    await register(...Array.from({ length: 1_100 }, (_, i) => ({ path: `/clusters/c${i}` })))
    let commits = 0
    const commit: typeof at.deps.commit = async (happening, changes) => {
      if (++commits === 2) throw new Error('the process ended')
      await at.deps.commit(happening, changes)
    }
    const cut = resourceContents({ ...at.deps, commit }).tidy(at.by, cloud)
    await expect(cut).rejects.toThrow('the process ended')
    const contents = resourceContents(at.deps)
    expect(await contents.count(cloud, 2_000)).toBe(600)
    await contents.tidy(at.by, cloud)
    expect(await contents.count(cloud, 2_000)).toBe(0)
    const told = (await events(at.customer.id)).filter(({ type }) => type === 'resource.removed')
    expect(told.map(({ details }) => Number(details['count'])).toSorted((a, b) => a - b)).toEqual([
      100, 500, 500,
    ])
  })
})
