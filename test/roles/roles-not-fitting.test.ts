import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Operation, ServiceModel } from '../../src/evaluator/model.ts'
import { createRole } from '../../src/roles/create-role.ts'
import { type Role, roles } from '../../src/roles/role.ts'
import { rolesNotFitting } from '../../src/roles/roles-not-fitting.ts'
import { services } from '../../src/services/service.ts'
import { packDocument, serviceDocuments } from '../../src/services/service-document.ts'
import { setResourceRules } from '../../src/services/set-resource-rules.ts'
import type { Fitted } from '../../src/services/unfit-roles.ts'
import { insert, update } from '../../src/storage/ports.ts'
import { clinicModel, type Deployment, granter, openDeployment } from '../organizations/deployment.ts'
import { confirmationOf } from '../services/create-shop.ts'
import { turnsDuring } from './turns-during.ts'

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
  rolesNotFitting(at.deps.records)(at.clinic.id, { model: now }, { model: next })

/** Kept as nobody could have saved them one by one in the time of a test. */
async function keepRoles(count: number, allow: Role['allow']): Promise<void> {
  const kept = Array.from({ length: count }, (_, i): Role => {
    const [id, serviceId, organizationId] = [at.deps.newId('rol'), at.clinic.id, at.customer.id]
    const times = { createdAt: 0, changedAt: 0 }
    return { id, serviceId, organizationId, version: 1, name: `Role ${i}`, description: '', allow, ...times }
  })
  const [first, ...others] = kept.map((role) => insert(roles, role))
  if (first !== undefined) await at.store.commit([first, ...others])
}

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
    expect(await unfitFor(clinicModel)).toEqual({ roles: [], others: 'none' })
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

  test('are looked for in pieces, so that others go on meanwhile', async () => {
    const where = Array.from({ length: 60 }, (_, i) => `$principalTags:team = 'team-${i}'`).join(' OR ')
    await keepRoles(
      20,
      Array.from({ length: 20 }, () => ({ operations: ['listPatients'], where })),
    )
    const next = withOperations((one) => [{ ...one, request: { query: { page: {} } } }])
    expect(await turnsDuring(() => unfitFor(next))).toBeGreaterThan(20)
  })

  test('are those of which an operation gets another id, though its method and path still find it', async () => {
    const unnamed = withOperations((one) =>
      one.id === 'readInvoices' ? [{ ...one, id: 'GET /invoices' }] : [one],
    )
    await keepRoles(1, [{ operations: ['listPatients', 'GET /invoices'] }])
    expect((await unfitFor(clinicModel, unnamed)).roles).toMatchObject([
      { faults: [{ pointer: '/allow/0/operations/1', detail: expect.stringContaining('readInvoices') }] },
    ])
  })

  test('are not looked for in statements of which nothing changes', async () => {
    await keepRoles(1, [{ operations: ['listPatients'], where: 'this has never been a condition' }])
    const next = withOperations((one) => (one.id === 'listPatients' ? [{ ...one, summary: 'Lists' }] : []))
    expect((await unfitFor(next)).roles).toMatchObject([{ name: 'Reads' }])
  })

  test('are told as not all looked at where there are too many statements', async () => {
    const allow = [{ operations: ['listPatients'], where: "$principalTags:team = 'north'" }]
    await keepRoles(10, allow)
    const next = withOperations((one) => [{ ...one, request: { query: { page: {} } } }])
    const unfit = (max: { roles: number; characters: number }) =>
      rolesNotFitting(at.deps.records, max)(at.clinic.id, { model: clinicModel }, { model: next })
    const others = async (...max: Parameters<typeof unfit>) => (await unfit(...max)).others
    expect(await others({ roles: 5_000, characters: 200 })).toBe('not_looked_at')
    expect(await others({ roles: 5_000, characters: 2_000 })).toBe('none')
  })
})

describe('roles whose filter names fields that a new document no longer has', () => {
  const answering = (...names: readonly string[]) => ({
    model: clinicModel,
    responses: {
      objects: [
        { members: {}, open: true as const },
        { members: Object.fromEntries(names.map((name) => [name, []])) },
      ],
      operations: { getPatient: [1] },
    },
  })
  const unfit = async (...[now, next]: readonly [Fitted, Fitted]) =>
    (await rolesNotFitting(at.deps.records)(at.clinic.id, now, next)).roles

  beforeEach(async () => {
    await createRole(at.deps, at.by, granter, at.customer.id, {
      ...{ service: 'clinic', name: 'Names', description: '', allow: [{ operations: ['getPatient'] }] },
      filter: [{ operations: ['getPatient'], fields: ['name', 'born'] }],
    })
  })

  test('are told, with the operation and what was meant', async () => {
    expect(await unfit(answering('name', 'born'), answering('name', 'borne'))).toMatchObject([
      {
        name: 'Names',
        faults: [
          {
            ...{ pointer: '/filter/0/fields/1', detail: 'no response of getPatient has born' },
            fix: 'did you mean borne?',
          },
        ],
      },
    ])
  })

  test('are told, too, where nothing was kept of the responses before', async () => {
    expect(await unfit({ model: clinicModel }, answering('name'))).toHaveLength(1)
  })

  test('are none where the responses still have them, or nothing is said of these any more', async () => {
    expect(await unfit(answering('name', 'born'), answering('name', 'born', 'ward'))).toEqual([])
    expect(await unfit(answering('name', 'born'), { model: clinicModel })).toEqual([])
    expect(await unfit(answering('name'), answering('name', 'ward'))).toEqual([])
  })
})

describe('roles of a service whose API alone knows its resources from now on', () => {
  const ofOne: ServiceModel = {
    ...clinicModel,
    resources: 'latchkey',
    operations: clinicModel.operations.map((one) =>
      one.path === '/patients/{patientId}' ? { ...one, resourceParameter: 'patientId' } : one,
    ),
    roles: [
      ...clinicModel.roles,
      {
        ...{ name: 'ward', grantable: true, inDefaultEntitlement: true, delegable: false, include: [] },
        allow: [{ operations: ['getPatient'], where: "$resourceTags:ward = 'north'" }],
      },
    ],
  }

  test('are told before that is said, and what the service’s own can no longer hold is told then', async () => {
    const document = await packDocument(Buffer.from('{}'), {
      ...{ organizationId: at.operator.id, serviceId: at.clinic.id, documentVersion: 1, nowMs: 0 },
    })
    await at.store.commit([
      update(services, at.clinic, { ...at.clinic, model: ofOne }),
      insert(serviceDocuments, document),
    ])
    await createRole(at.deps, at.by, granter, at.customer.id, {
      ...{ service: 'clinic', name: 'North', description: '' },
      allow: [{ operations: ['getPatient'], where: "$resourceTags:ward = 'north'" }],
    })
    const deps = { ...at.deps, rolesNotFitting: rolesNotFitting(at.deps.records) }
    const set = (confirmation?: string) =>
      setResourceRules(deps, at.by, at.operator.id, 'clinic', { resources: 'api', confirmation })
    const asked: unknown = await set().catch((cause: unknown) => cause)
    const where = [{ pointer: '/allow/0/where' }]
    expect(asked).toMatchObject({
      ...{
        code: 'confirmation_required',
        data: { changes: { roles_unfit: [{ name: 'North', errors: where }] } },
      },
    })
    const { changes, warnings } = await set(await confirmationOf(() => set()))
    expect(changes.unfit.roles).toMatchObject([{ name: 'North', faults: where }])
    expect(warnings).toMatchObject([{ pointer: '/x-latchkey-roles/ward' }])
  })
})
