import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Operation, ServiceModel } from '../../src/evaluator/model.ts'
import { createRole } from '../../src/roles/create-role.ts'
import { rolesNotFitting } from '../../src/roles/roles-not-fitting.ts'
import { services } from '../../src/services/service.ts'
import { update } from '../../src/storage/ports.ts'
import { clinicModel, type Deployment, granter, openDeployment } from '../organizations/deployment.ts'

let at: Deployment
beforeEach(async () => {
  at = await openDeployment()
})
afterEach(() => at.store.close())

const withOperations = (change: (operation: Operation) => readonly Operation[]): ServiceModel => ({
  ...clinicModel,
  operations: clinicModel.operations.flatMap(change),
})

const unfitFor = (next: ServiceModel, now: ServiceModel = clinicModel) =>
  rolesNotFitting(at.deps.records)(at.clinic.id, now, next)

describe('roles that a new document breaks', () => {
  beforeEach(async () => {
    const wanted = { service: 'clinic', description: '' }
    const make = (name: string, content: object) =>
      createRole(at.deps, at.by, granter, at.customer.id, { ...wanted, name, ...content })
    await make('Lists', { allow: [{ operations: ['listPatients'], where: "$principal:kind = 'key'" }] })
    await make('Reads', {
      allow: [{ operations: ['listPatients', 'getPatient'] }],
      filter: [{ operations: ['getPatient'], fields: ['name'] }],
    })
  })

  test('are none where it goes on saying what they need', async () => {
    expect(await unfitFor(clinicModel)).toEqual({ roles: [], areMore: false })
  })

  test('are told with what no longer fits, and where', async () => {
    const { roles } = await unfitFor(withOperations((one) => (one.id === 'getPatient' ? [] : [one])))
    expect(roles).toMatchObject([
      {
        organizationId: at.customer.id,
        name: 'Reads',
        faults: [{ pointer: '/allow/0/operations/1' }, { pointer: '/filter/0/operations/0' }],
      },
    ])
  })

  test('are not told again once they are broken', async () => {
    const without = withOperations((one) => (one.id === 'getPatient' ? [] : [one]))
    expect((await unfitFor(without, without)).roles).toEqual([])
  })

  test('are those with conditions on what the document no longer declares', async () => {
    const paged = withOperations((one) =>
      one.id === 'listPatients' ? [{ ...one, request: { query: { page: { type: 'integer' } } } }] : [one],
    )
    await at.store.commit([update(services, at.clinic, { ...at.clinic, model: paged })])
    await createRole(at.deps, at.by, granter, at.customer.id, {
      ...{ service: 'clinic', name: 'First pages', description: '' },
      allow: [{ operations: ['listPatients'], where: '$request:page < 3' }],
    })
    expect((await unfitFor(clinicModel, paged)).roles).toMatchObject([
      { name: 'First pages', faults: [{ pointer: '/allow/0/where' }] },
    ])
  })
})
