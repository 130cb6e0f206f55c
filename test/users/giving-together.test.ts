import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createClientKey } from '../../src/client-keys/create-client-key.ts'
import type { Operation, ServiceRole } from '../../src/evaluator/model.ts'
import { services } from '../../src/services/service.ts'
import { update } from '../../src/storage/ports.ts'
import { changeUser } from '../../src/users/change-user.ts'
import { disableUser } from '../../src/users/disable-user.ts'
import { enableUser } from '../../src/users/enable-user.ts'
import { inviteUser } from '../../src/users/invite-user.ts'
import { clinicModel, granter, holderOf } from '../organizations/deployment.ts'
import { openPeople, type People } from './people.ts'

/** Needs the scopes of both. */
const merging: Operation = {
  ...{ id: 'mergePatients', method: 'POST', path: '/patients/merge', parameters: {} },
  alternatives: [['patients:read', 'patients:write']],
}
const keeper: ServiceRole = {
  ...{ name: 'keeper', grantable: true, inDefaultEntitlement: true, delegable: false, allow: [] },
  include: ['patients:read', 'patients:write'],
}
const each = ['listPatients', 'getPatient', 'createPatient']
const holderOfEach = holderOf(...each)
const holderOfAll = holderOf(...each, 'mergePatients')

let at: People
beforeEach(async () => {
  at = await openPeople()
  const operations = [...clinicModel.operations, merging]
  const model = { ...clinicModel, operations, roles: [...clinicModel.roles, keeper] }
  await at.store.commit([update(services, at.clinic, { ...at.clinic, model })])
})
afterEach(() => at.store.close())

const reads = { service: 'clinic', role: 'patients:read' }
const writes = { service: 'clinic', role: 'patients:write' }
const invite = (roles: readonly (typeof reads)[], giver = granter) =>
  inviteUser(at.deps, at.by, giver, at.customer.id, { email: 'sam@harbour.example', roles, tags: {} })

describe('roles that allow more together than each of them', () => {
  test('are not given to a user who holds the others, by who does not hold what they allow together', async () => {
    const user = await invite([reads])
    const add = (giver: typeof granter, roles = [reads, writes]) =>
      changeUser(at.deps, at.by, giver, at.customer.id, user.id, { roles })
    await expect(add(holderOfEach)).rejects.toMatchObject({
      code: 'role_not_grantable',
      faults: [{ pointer: '/roles/1/role' }],
      data: { operations: ['mergePatients'] },
    })
    expect((await add(holderOfEach, [writes])).roles).toHaveLength(1)
    expect((await add(holderOfAll)).roles).toHaveLength(2)
    expect((await add(holderOf())).roles).toHaveLength(2)
  })

  test('are not given to a user at once', async () => {
    await expect(invite([reads, writes], holderOfEach)).rejects.toMatchObject({ code: 'role_not_grantable' })
    expect((await invite([reads, writes], holderOfAll)).roles).toHaveLength(2)
  })

  test('are not given by letting in again who holds them', async () => {
    const { id } = await invite([reads, writes])
    await disableUser(at.deps, at.by, at.customer.id, id)
    const enable = (giver: typeof granter) => enableUser(at.deps, at.by, giver, at.customer.id, id)
    await expect(enable(holderOfEach)).rejects.toMatchObject({ code: 'role_not_grantable' })
    expect((await enable(holderOfAll)).roles).toHaveLength(2)
  })

  test('are not given to a key by a role that includes them', async () => {
    const make = (giver: typeof granter) =>
      createClientKey(at.deps, at.by, giver, at.customer.id, {
        ...{ service: 'clinic', name: 'Export', role: 'keeper', environment: 'live', cidrs: [] },
      })
    await expect(make(holderOfEach)).rejects.toMatchObject({
      ...{ code: 'role_not_grantable', data: { operations: ['mergePatients'] } },
    })
    expect((await make(holderOfAll)).key.role).toBe('keeper')
  })
})
