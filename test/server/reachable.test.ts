import { afterAll, describe, expect, test } from 'vitest'
import { parseId } from '../../src/ids.ts'
import { update } from '../../src/storage/ports.ts'
import { resources } from '../../src/tags/resource.ts'
import { openAt } from '../contract/open-at.ts'
import { resourcesBefore } from '../tags/older-node.ts'
import type { Reply } from './client.ts'
import { startClinicWithPatients } from './clinic-with-patients.ts'
import { itemsOf } from './operations.ts'

const clinic = await startClinicWithPatients()
const { deployment, ours, theirs, reader, resources: guards } = clinic
afterAll(() => deployment.stop())
await clinic.tell(
  { path: '/patients/1', organization: ours },
  { path: '/patients/2', organization: ours, tags: { ward: ['north'] } },
  { path: '/patients/3', organization: theirs },
  { path: '/patients/4', organization: theirs, tags: { 'access-tag:GET:/': [ours], secret: ['word'] } },
)

const reachable = (principal: string, query = '', organization = ours): Promise<Reply> => {
  const of = `${principal.startsWith('key_') ? 'keys' : 'users'}/${principal}`
  return deployment.operator.try('GET', `/organizations/${organization}/${of}/reachable-resources?${query}`)
}
const pathsOf = ({ text }: Reply) => itemsOf(text).map(({ resource }) => Object(resource).path)

describe('which resources a principal may reach', () => {
  test('is asked by its organization: its own and what is shared with it, by which operations', async () => {
    const reply = await reachable(reader.id)
    expect(reply.status, reply.text).toBe(200)
    expect(itemsOf(reply.text)).toMatchObject([
      {
        resource: { path: '/patients/1', organization_id: ours, tags: {} },
        standing: 'owned',
        operations: expect.arrayContaining([
          {
            operation: 'getPatient',
            method: 'GET',
            path: '/patients/{patientId}',
            on: 'resource',
            reach: 'allowed',
          },
        ]),
      },
      { resource: { path: '/patients/4', tags: null, registered_by: null }, standing: 'shared' },
    ])
    expect(reply.text).not.toContain('word')
    expect(reply.json['next_cursor']).toBeNull()
  })

  test('is asked page by page', async () => {
    const first = await reachable(reader.id, 'limit=1')
    expect(pathsOf(first)).toEqual(['/patients/1'])
    const cursor = String(first.json['next_cursor'])
    const second = await reachable(reader.id, `limit=1&cursor=${cursor}`)
    expect(pathsOf(second)).toEqual(['/patients/4'])
    expect(second.json['next_cursor']).toBeNull()
    expect((await reachable(reader.id, 'cursor=res_1')).status).toBe(400)
  })

  test('follows tags, roles and states as they are now', async () => {
    const { operator } = deployment
    const user = await operator.makeUser(ours)
    expect(pathsOf(await reachable(user, 'service=clinic&operation=getPatient'))).toEqual([])
    const key = await operator.makeKey(ours, { role: 'patients:read', tags: { ward: ['North'] } })
    expect(pathsOf(await reachable(key.id))).toEqual(['/patients/1', '/patients/2', '/patients/4'])
    expect(pathsOf(await reachable(key.id, 'scope=nothing'))).toEqual([])
    await operator.do('POST', `/organizations/${ours}/keys/${key.id}/disable`)
    expect(await reachable(key.id)).toMatchObject({
      status: 200,
      json: { items: [], next_cursor: null },
    })
  })

  test('tells an organization nothing of the principals of others', async () => {
    const other = await reachable(reader.id, '', theirs)
    expect(other.json).toMatchObject({ code: 'client_key_not_found' })
    const person = await deployment.operator.makeUser(theirs)
    expect((await reachable(person, 'service=clinic')).json).toMatchObject({
      code: 'user_not_found',
    })
  })

  test('tells an organization nothing of a service that it may not use', async () => {
    const { operator } = deployment
    const organization = await operator.makeOrganization()
    const person = await operator.makeUser(organization)
    await operator.do('PUT', `/services/clinic/entitlements/${organization}`, { roles: [] })
    const asked: readonly ((slug: string) => Promise<Reply>)[] = [
      (slug) => reachable(person, `service=${slug}`, organization),
      (slug) => reachable(person, `service=${slug}&operation=getPatien`, organization),
      (slug) => operator.try('GET', `/organizations/${organization}/services/${slug}`),
    ]
    for (const ask of asked) {
      const [one, none] = [await ask('clinic'), await ask('nought')]
      expect([one.status, none.status]).toEqual([404, 404])
      const told = { ...one.json, request_id: none.json['request_id'] }
      expect(JSON.stringify(told).replaceAll('clinic', 'nought')).toBe(JSON.stringify(none.json))
    }
  })

  test.each([
    ['users', '', '?service'],
    ['keys', 'operation=getPatien', '?operation'],
    ['keys', 'operation=listPatients', '?operation'],
    ['keys', 'service=clinic', '?service'],
  ])('of %s is refused with the place of what is wrong: %s', async (kind, query, pointer) => {
    const principal = kind === 'keys' ? reader.id : await deployment.operator.makeUser(ours)
    const reply = await reachable(principal, query)
    expect(reply.json, reply.text).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] })
  })

  test('is asked by the API about anybody, with all that it told of its resources', async () => {
    const reply = await guards('GET', `/reachable?principal=${reader.id}&operation=getPatient`)
    expect(reply.status, reply.text).toBe(200)
    expect(itemsOf(reply.text)).toMatchObject([
      { resource: { path: '/patients/1' } },
      { resource: { path: '/patients/4', tags: { secret: ['word'] } } },
    ])
    expect(pathsOf(await guards('GET', '/reachable?principal=key_01jq2v7m3zc8k5w9t4x6y1b0ad'))).toEqual([])
    expect(pathsOf(await guards('GET', '/reachable?principal=nobody'))).toEqual([])
  })

  test('has what a node of 0.3.0 shares while nodes are upgraded', async () => {
    const { store: location } = deployment.config
    const store = await openAt(location.kind === 'sqlite' ? `sqlite:${location.path}` : location.url, () =>
      Date.now(),
    )
    try {
      const { json } = await guards('GET', '?path=/patients/3')
      const [owner, id] = [parseId('org', theirs), parseId('res', String(json['id']))]
      const before = owner && id && (await store.records.find(owner, resources, id))
      if (before === undefined) throw new Error('it is not in the store')
      const after = { ...before, tags: { 'access-tag:GET:/': [ours] } }
      await store.commit([update(resourcesBefore, before, after)])
      const paths = async () => pathsOf(await reachable(reader.id))
      await expect.poll(paths, { timeout: 15_000 }).toEqual(['/patients/1', '/patients/3', '/patients/4'])
    } finally {
      await store.close()
    }
  })
})
