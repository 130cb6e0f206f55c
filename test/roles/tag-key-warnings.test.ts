import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createClientKey } from '../../src/client-keys/create-client-key.ts'
import { keyTagKeys } from '../../src/client-keys/key-tag-keys.ts'
import type { Statement } from '../../src/evaluator/model.ts'
import type { OrganizationId } from '../../src/ids.ts'
import { tagKeyWarnings } from '../../src/roles/tag-key-warnings.ts'
import { insert } from '../../src/storage/ports.ts'
import { type Resource, resources } from '../../src/tags/resource.ts'
import { resourceTagKeys } from '../../src/tags/resource-tag-keys.ts'
import { inviteUser } from '../../src/users/invite-user.ts'
import { userTagKeys } from '../../src/users/user-tag-keys.ts'
import { granter } from '../organizations/deployment.ts'
import { openPeople, type People } from '../users/people.ts'

let at: People
beforeEach(async () => {
  at = await openPeople()
  const resource = (organizationId: OrganizationId, serviceId: Resource['serviceId'], key: string) =>
    insert(resources, {
      ...{ id: at.deps.newId('res'), organizationId, version: 1, serviceId, name: `/patients/{${key}}` },
      ...{ tags: { [key]: ['x'] }, registeredBy: 'key', createdAt: 0 },
    })
  await at.store.commit([
    resource(at.customer.id, at.clinic.id, 'env'),
    resource(at.operator.id, at.clinic.id, 'region'),
    resource(at.customer.id, at.latchkey.id, 'colour'),
  ])
  await createClientKey(at.deps, at.by, granter, at.customer.id, {
    ...{ service: 'clinic', name: 'Export', role: 'patients:read', environment: 'live', cidrs: [] },
    tags: { Team: ['core'] },
  })
  const person = { email: 'sam@harbour.example', roles: [], tags: { ward: ['north'] } }
  await inviteUser(at.deps, at.by, granter, at.customer.id, person)
})
afterEach(() => at.store.close())

const asked = () => [resourceTagKeys, keyTagKeys, userTagKeys].map((of) => of(at.deps.records))
const warned = (...wheres: readonly string[]) =>
  tagKeyWarnings(asked(), {
    ...{ organizationId: at.customer.id, serviceId: at.clinic.id },
    allow: wheres.map((where): Statement => ({ operations: ['getPatient'], where })),
  })

describe('a condition on a tag that nobody has', () => {
  test.each([
    ["$resourceTags:evn = 'dev'", 'did you mean $resourceTags:env?'],
    ["$resourceTags:envs = 'dev'", 'did you mean $resourceTags:env?'],
    ["$principalTags:taem = 'core'", 'did you mean $principalTags:Team?'],
    ["NOT ($principalTags:wards = 'north')", 'did you mean $principalTags:ward?'],
  ])('is told with one alike that somebody has: %s', async (where, fix) => {
    expect(await warned("$principal:kind = 'key'", where)).toMatchObject([{ pointer: '/allow/1/where', fix }])
  })

  test.each([
    ['the tag is in use', "$resourceTags:ENV = 'dev' AND $principalTags:team = 'core'"],
    ['nothing is alike', "$resourceTags:customer = 'x'"],
    ['one alike is a principal’s', "$resourceTags:taem = 'x'"],
    ['one alike is another organization’s', "$resourceTags:regoin = 'x'"],
    ['one alike is of another service', "$resourceTags:colours = 'x'"],
    ['the tag is Latchkey’s own', "$resourceTags:'latchkey:env' = 'x'"],
    ['it stands in a text', "$principal:id = '$resourceTags:evn'"],
  ])('is not told where %s', async (_why, where) => {
    expect(await warned(where)).toEqual([])
  })

  test('is told once, and looked for only where a condition asks for tags', async () => {
    expect(await warned("$resourceTags:evn = 'dev'", "$resourceTags:EVN = 'prod'")).toHaveLength(1)
    const never = () => Promise.reject(new Error('was asked'))
    const allow = [{ operations: ['getPatient'], where: "$principal:kind = 'key'" }]
    const kept = { organizationId: at.customer.id, serviceId: at.clinic.id, allow }
    expect(await tagKeyWarnings([never], kept)).toEqual([])
  })
})
