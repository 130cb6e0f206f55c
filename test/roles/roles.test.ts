import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import { getClientKey, refusal } from '../../src/client-keys/client-key.ts'
import { createClientKey } from '../../src/client-keys/create-client-key.ts'
import { keysHolding, revokeHolders } from '../../src/client-keys/key-holders.ts'
import { DomainError } from '../../src/errors.ts'
import type { Statement } from '../../src/evaluator/model.ts'
import { revocations } from '../../src/revocations/revocation.ts'
import { createRole } from '../../src/roles/create-role.ts'
import { deleteRole } from '../../src/roles/delete-role.ts'
import { operationsIn } from '../../src/roles/read-role-content.ts'
import { replaceRole } from '../../src/roles/replace-role.ts'
import { getRole, type Role } from '../../src/roles/role.ts'
import { entitlements } from '../../src/services/entitlement.ts'
import type { Giver } from '../../src/services/giving.ts'
import { services } from '../../src/services/service.ts'
import { insert, update } from '../../src/storage/ports.ts'
import {
  clinicModel,
  type Deployment,
  granter,
  holderOf,
  openDeployment,
} from '../organizations/deployment.ts'
import { turnsDuring } from './turns-during.ts'

let at: Deployment
beforeEach(async () => {
  at = await openDeployment()
})
afterEach(() => at.store.close())

const roleOf = (operations: readonly string[], name = 'Desk', giver = granter) =>
  createRole(at.deps, at.by, giver, at.customer.id, {
    ...{ service: 'clinic', name, description: '', allow: [{ operations }] },
  })

const keyWith = (role: string) =>
  createClientKey(at.deps, at.by, granter, at.customer.id, {
    ...{ service: 'clinic', name: 'Export', role, environment: 'live', cidrs: [] },
  })

const deleting = (role: Role, cascade: boolean) =>
  deleteRole(
    { ...at.deps, holdersOf: [keysHolding(at.deps.records)], endHolders: [revokeHolders(at.deps)] },
    at.by,
    at.customer.id,
    role.id,
    { cascade },
  )

async function faultsOf(refused: Promise<unknown>) {
  const error = await refused.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  if (!(error instanceof DomainError)) throw new Error('was not refused')
  return { code: error.code, faults: error.faults }
}

describe('an organization-defined role', () => {
  test('is read in pieces, however large it is, so that others go on meanwhile', async () => {
    const where = (i: number) =>
      Array.from({ length: 50 }, (_, j) => `$principalTags:k${j} = 'value-${i}-${j}'`).join(' OR ')
    const allow = Array.from({ length: 100 }, (_, i) => ({ operations: ['listPatients'], where: where(i) }))
    const wanted = { service: 'clinic', name: 'Largest', description: '', allow }
    const save = () => createRole(at.deps, at.by, granter, at.customer.id, wanted)
    expect(await turnsDuring(save)).toBeGreaterThan(20)
  })

  describe('with as many fields in as many statements as there may be', () => {
    const save = async (fieldsOf: (statement: number) => readonly string[]) => {
      const operations = clinicModel.operations.map((one) => ({ ...one, request: { body: 'any' as const } }))
      const model = { ...clinicModel, operations }
      await at.store.commit([update(services, at.clinic, { ...at.clinic, model })])
      const allow = Array.from({ length: 200 }, (_, i) => ({
        operations: ['createPatient'],
        fields: fieldsOf(i),
      }))
      const wanted = { service: 'clinic', name: 'Largest', description: '', allow }
      return createRole(at.deps, at.by, granter, at.customer.id, wanted)
    }
    const fieldsFrom = (first: number) => Array.from({ length: 200 }, (_, i) => `part_${first + i}.name`)

    test('is held against itself in pieces, too', async () => {
      let turns = 0
      const count = () => {
        turns++
        counting = setImmediate(count)
      }
      let counting = setImmediate(count)
      expect((await save((i) => fieldsFrom(i))).allow).toHaveLength(200)
      clearImmediate(counting)
      // 680,000 characters that are read, read for comparisons, and compared, some 10,000 in a turn.
      expect(turns).toBeGreaterThan(150)
    })

    test('is refused statements that say the same, each of them', async () => {
      const { faults } = await faultsOf(save(() => fieldsFrom(0)))
      expect(faults).toHaveLength(199)
      expect(faults.at(-1)).toMatchObject({
        ...{ pointer: '/allow/199', detail: expect.stringContaining('/allow/0 allows all that it does') },
      })
    })
  })

  test.each([
    ['listPatients', 'listPatients'],
    ['GET /patients', 'listPatients'],
    ['GET: /patients', 'listPatients'],
    ['GET:/patients', 'listPatients'],
    ['get /patients/{id}', 'getPatient'],
    ['GET /patients/{patientId}', 'getPatient'],
  ])('may spell an operation as %s', async (written, operation) => {
    const role = await roleOf([written])
    expect(role.allow).toEqual([{ operations: [operation] }])
  })

  test('names every fault with its place and the nearest right spelling', async () => {
    const allow = [
      { operations: ['listPatients', 'listPatient'] },
      { operations: ['GET /patient'], where: 'x = 1', fields: 'a', filter: [], opperations: [] },
      { operations: ['billing'] },
    ]
    const wanted = { service: 'clinic', name: 'Desk', description: '', allow }
    const { code, faults } = await faultsOf(createRole(at.deps, at.by, granter, at.customer.id, wanted))
    expect(code).toBe('role_refused')
    const byPlace = Object.fromEntries(faults.map((fault) => [fault.pointer, `${fault.detail} ${fault.fix}`]))
    expect(byPlace['/allow/0/operations/1']).toContain('listPatients')
    expect(byPlace['/allow/1/operations/0']).toContain('GET /patients')
    expect(byPlace['/allow/1/where']).toContain('character 1: x is not a word of conditions')
    expect(byPlace['/allow/1/filter']).toContain('beside allow')
    expect(byPlace['/allow/1/opperations']).toContain('did you mean operations')
    expect(byPlace['/allow/2/operations/0']).toBeDefined()
  })

  test('is refused operations outside of the entitlement, by name', async () => {
    const { code, faults } = await faultsOf(roleOf(['listPatients', 'readInvoices']))
    expect(code).toBe('role_refused')
    expect(faults).toMatchObject([
      { pointer: '/allow/0/operations/1', detail: expect.stringContaining('readInvoices') },
    ])
    await at.store.commit([
      insert(entitlements, {
        id: at.clinic.id,
        organizationId: at.customer.id,
        version: 1,
        roles: ['billing'],
      }),
    ])
    expect((await roleOf(['readInvoices'])).allow).toEqual([{ operations: ['readInvoices'] }])
    expect((await faultsOf(roleOf(['listPatients'], 'Other'))).code).toBe('role_refused')
  })

  test('has no more statements and filters than it may, however they are written', async () => {
    const listed = Array.from({ length: 201 }, (_, i) => `listPatients:[f${i}]`)
    const made = createRole(at.deps, at.by, granter, at.customer.id, {
      ...{ service: 'clinic', name: 'Desk', description: '', allow: [{ operations: ['listPatients'] }] },
      filter: [{ operations: listed }],
    })
    expect(await faultsOf(made)).toMatchObject({
      code: 'role_refused',
      faults: [{ pointer: '/filter', detail: expect.stringContaining('200'), fix: expect.any(String) }],
    })
    const { faults } = await faultsOf(roleOf(listed))
    expect(faults?.[0]).toMatchObject({ pointer: '/allow', detail: expect.stringContaining('200') })
  })

  test('needs no public operation, and says so', async () => {
    const { faults } = await faultsOf(roleOf(['status']))
    expect(faults[0]?.detail).toContain('anybody may call it')
  })

  test('has a name of its own on its service', async () => {
    await roleOf(['listPatients'])
    expect(await faultsOf(roleOf(['listPatients']))).toMatchObject({
      code: 'already_exists',
      faults: [{ pointer: '/name' }],
    })
  })

  test('is on a service that there is', async () => {
    const wanted = { service: 'nowhere', name: 'Desk', description: '', allow: [{ operations: ['x'] }] }
    const refused = createRole(at.deps, at.by, granter, at.customer.id, wanted)
    await expect(refused).rejects.toMatchObject({
      code: 'service_not_found',
      faults: [{ pointer: '/service' }],
    })
  })

  test("is absent for another organization, as is its own for everybody else's ids", async () => {
    const role = await roleOf(['listPatients'])
    await expect(getRole(at.deps.records, at.operator.id, role.id)).rejects.toMatchObject({
      code: 'role_not_found',
    })
  })

  test('changes for every key that holds it without a change of any key', async () => {
    const role = await roleOf(['listPatients'])
    const { key } = await keyWith(role.id)
    const after = await replaceRole(at.deps, at.by, granter, at.customer.id, role.id, {
      ...{ name: 'Desk', description: 'less', allow: [{ operations: ['GET /patients/{x}'] }] },
    })
    expect(await getRole(at.deps.records, at.customer.id, role.id)).toEqual(after)
    expect(after.allow).toEqual([{ operations: ['getPatient'] }])
    expect(await getClientKey(at.deps.records, at.customer.id, key.id)).toEqual(key)
  })

  test('is replaced only at the version that If-Match names', async () => {
    const role = await roleOf(['listPatients'])
    const written = { name: 'Desk', description: '', allow: [{ operations: ['getPatient'] }], ifMatch: 2 }
    const stale = replaceRole(at.deps, at.by, granter, at.customer.id, role.id, written)
    await expect(stale).rejects.toMatchObject({ code: 'precondition_failed' })
  })
})

describe('deleting a role', () => {
  test('that is held is refused with its holders', async () => {
    const role = await roleOf(['listPatients'])
    const { key } = await keyWith(role.id)
    await expect(deleting(role, false)).rejects.toMatchObject({
      code: 'role_held',
      data: { holders: [{ kind: 'client_key', id: key.id, name: 'Export' }] },
    })
    expect(await getRole(at.deps.records, at.customer.id, role.id)).toEqual(role)
  })

  test('with cascade refuses its keys at once, enters one revocation, then revokes each', async () => {
    const role = await roleOf(['listPatients'])
    const keys = await Promise.all(Array.from({ length: 120 }, () => keyWith(role.id)))
    const facts = { organization: at.customer, service: at.clinic, role: undefined }
    expect(keys.map(({ key }) => refusal(key, facts, at.deps.clock()))).toEqual(
      keys.map(() => 'role_deleted'),
    )
    await deleting(role, true)
    const { records } = at.deps
    await expect(getRole(records, at.customer.id, role.id)).rejects.toMatchObject({ code: 'role_not_found' })
    const entries = await records.locate(revocations, 'all', '', { limit: 10 })
    expect(entries).toHaveLength(1)
    const [place] = entries
    const entry = place && (await records.find(place.organizationId, revocations, place.id))
    expect(entry).toMatchObject({ ended: { kind: 'role', roleId: role.id }, serviceId: at.clinic.id })
    for (const { key } of keys)
      expect((await getClientKey(records, at.customer.id, key.id)).state).toMatchObject({
        reason: 'role_deleted',
      })
    const events = await records.list(at.customer.id, auditEvents, 'type', 'client_key.revoked', {
      limit: 1000,
    })
    expect(events).toHaveLength(120)
  })

  test('that nothing holds needs no cascade; a revoked key holds nothing', async () => {
    const role = await roleOf(['listPatients'])
    await keyWith(role.id)
    await deleting(role, true)
    await deleting(await roleOf(['getPatient'], 'Free'), false)
  })
})

describe('the rule for giving, through roles', () => {
  const operationIds = clinicModel.operations.map(({ id }) => id)
  const someOperations = fc.uniqueArray(fc.constantFrom(...operationIds), { minLength: 1 })
  const entitled = ['listPatients', 'getPatient', 'createPatient', 'deletePatient']

  test('a created role has nothing outside of the entitlement, nor what its maker neither holds nor may grant', async () => {
    let made = 0
    await fc.assert(
      fc.asyncProperty(
        someOperations,
        fc.subarray(operationIds),
        fc.boolean(),
        async (wanted, held, mayGrantRoles) => {
          const allowed = wanted.every((id) => entitled.includes(id) && (mayGrantRoles || held.includes(id)))
          const outcome = await roleOf(wanted, `Role ${made++}`, {
            ...holderOf(...held),
            mayGrantRoles,
          }).catch((error: unknown) => error)
          if (allowed) expect(outcome).toMatchObject({ allow: [{ operations: wanted }] })
          else expect(outcome).toMatchObject({ code: 'role_refused' })
        },
      ),
    )
  })

  test('an edit adds nothing that its maker neither holds nor may grant, and may always take away', async () => {
    await fc.assert(
      fc.asyncProperty(
        ...([
          fc.subarray(entitled, { minLength: 1 }),
          someOperations,
          fc.subarray(operationIds),
          fc.boolean(),
        ] as const),
        async (before, wanted, held, mayGrantRoles) => {
          const role = await roleOf(before)
          const giver = { ...holderOf(...held), mayGrantRoles }
          const written = { name: 'Desk', description: '', allow: [{ operations: wanted }] }
          const outcome = await replaceRole(at.deps, at.by, giver, at.customer.id, role.id, written).catch(
            (error: unknown) => error,
          )
          const gained = wanted.filter((id) => !before.includes(id))
          const allowed =
            wanted.every((id) => entitled.includes(id)) &&
            (mayGrantRoles || gained.every((id) => held.includes(id)))
          if (allowed) expect(outcome).toMatchObject({ allow: [{ operations: wanted }] })
          else expect(outcome).toMatchObject({ code: 'role_refused' })
          const now = operationsIn((await getRole(at.deps.records, at.customer.id, role.id)).allow)
          const more = [...now].filter((id) => !before.includes(id))
          expect(mayGrantRoles || more.every((id) => held.includes(id))).toBe(true)
          await deleting(await getRole(at.deps.records, at.customer.id, role.id), false)
        },
      ),
    )
  })
})

describe('the rule for giving, with conditions and fields', () => {
  const edit = (role: Role, giver: Giver, allow: readonly Partial<Statement>[]) =>
    replaceRole(at.deps, at.by, giver, at.customer.id, role.id, { name: 'Desk', description: '', allow })
  const where = "$principal:kind = 'user'"
  const nobody = holderOf()

  test('who may not grant roles may narrow what a role allows, and not widen it again', async () => {
    const role = await roleOf(['listPatients'])
    const narrowed = await edit(role, nobody, [{ operations: ['listPatients'], where }])
    expect(narrowed.allow).toEqual([{ operations: ['listPatients'], where }])
    for (const wider of [
      {},
      { where: `${where} OR $principal:id = 'key_1'` },
      { where: "$principal:kind = 'key'" },
    ])
      expect(
        await faultsOf(edit(narrowed, nobody, [{ operations: ['listPatients'], ...wider }])),
      ).toMatchObject({
        code: 'role_refused',
        faults: [{ pointer: '/allow/0/operations/0' }],
      })
    const again = await edit(narrowed, nobody, [
      { operations: ['listPatients'], where: `${where} AND ${where}` },
    ])
    expect(again.allow).toHaveLength(1)
    expect((await edit(again, granter, [{ operations: ['listPatients'] }])).allow[0]).not.toHaveProperty(
      'where',
    )
  })

  test('who holds an operation as far as a statement goes may give it', async () => {
    const asked: unknown[] = []
    const giver: Giver = {
      mayGrantRoles: false,
      holds: (_serviceId, id, limits) => {
        asked.push([id, limits])
        return limits.where === where
      },
    }
    const wanted = { service: 'clinic', description: '' }
    const create = (name: string, allow: readonly Partial<Statement>[]) =>
      createRole(at.deps, at.by, giver, at.customer.id, { ...wanted, name, allow })
    await create('Less', [{ operations: ['listPatients'], where }])
    expect(asked).toEqual([['listPatients', { where }]])
    expect((await faultsOf(create('More', [{ operations: ['listPatients'] }]))).code).toBe('role_refused')
  })

  test('a role is given as far as its statements go', async () => {
    const wanted = {
      service: 'clinic',
      name: 'Desk',
      description: '',
      allow: [{ operations: ['listPatients'], where }],
    }
    const role = await createRole(at.deps, at.by, granter, at.customer.id, wanted)
    const giver = (held: string | undefined): Giver => ({
      mayGrantRoles: false,
      holds: (_serviceId, _id, limits) => limits.where === held,
    })
    const give = (held: string | undefined) =>
      createClientKey(at.deps, at.by, giver(held), at.customer.id, {
        ...{ service: 'clinic', name: 'Export', role: role.id, environment: 'live', cidrs: [] },
      })
    expect(await faultsOf(give("$principal:kind = 'key'"))).toMatchObject({ code: 'role_not_grantable' })
    await give(where)
  })
})

describe('a role that shows only a part of responses', () => {
  const filter = [{ operations: ['listPatients'], fields: ['items.name'] }]
  const allow = [{ operations: ['listPatients', 'getPatient'] }]
  const wanted = { service: 'clinic', name: 'Desk', description: '' }
  const make = () => createRole(at.deps, at.by, granter, at.customer.id, { ...wanted, allow, filter })
  const edit = (role: Role, giver: Giver, content: object) =>
    replaceRole(at.deps, at.by, giver, at.customer.id, role.id, { name: 'Desk', description: '', ...content })

  test('keeps that, and loses it with an edit that does not say it', async () => {
    const role = await make()
    expect(await getRole(at.deps.records, at.customer.id, role.id)).toMatchObject({ allow, filter })
    expect(await edit(role, granter, { allow })).not.toHaveProperty('filter')
  })

  test('is widened only by who may grant roles', async () => {
    const role = await make()
    const nobody = holderOf()
    const more = [{ operations: ['listPatients'], fields: ['items'] }]
    const masked = [{ operations: ['listPatients'], fields: ['items.name'], mask: '*' }]
    for (const wider of [undefined, more, masked])
      expect(await faultsOf(edit(role, nobody, { allow, filter: wider }))).toMatchObject({
        code: 'role_refused',
        faults: [{ pointer: '/allow/0/operations/0' }],
      })
    const less = [
      { operations: ['getPatient'], fields: ['name'] },
      { operations: ['listPatients'], fields: ['items.name.first'] },
    ]
    expect(await edit(role, nobody, { allow, filter: less })).toMatchObject({ filter: less })
  })

  test('shows fields that responses of its operations have, as far as the document says', async () => {
    const responses = {
      objects: [
        { members: {}, open: true as const },
        { members: { items: [2] } },
        { members: { name: [], born: [] } },
      ],
      operations: { listPatients: [1] },
    }
    await at.store.commit([update(services, at.clinic, { ...at.clinic, responses })])
    const showing = (operations: readonly string[], ...fields: readonly string[]) => {
      const written = { ...wanted, name: fields.join(), allow, filter: [{ operations, fields }] }
      return createRole(at.deps, at.by, granter, at.customer.id, written)
    }
    expect(await showing(['listPatients'], 'items.name', 'items.*')).toHaveProperty('filter')
    // Nothing is known of the responses of the other one.
    expect(await showing(['listPatients', 'getPatient'], 'name')).toHaveProperty('filter')
    expect(await faultsOf(showing(['listPatients'], 'items', 'items.nmae', 'name'))).toMatchObject({
      code: 'role_refused',
      faults: [
        {
          ...{ pointer: '/filter/0/fields/1', detail: 'no response of listPatients has items.nmae' },
          fix: 'did you mean items.name?',
        },
        { pointer: '/filter/0/fields/2', fix: 'did you mean items.name?' },
      ],
    })
  })

  test('may come as a text, faults with their lines', async () => {
    const policy = 'allow:\n- listPatients\n- GET: /patients/{id}\nfilter:\n- GET:/patients:[items.name]'
    const made = await createRole(at.deps, at.by, granter, at.customer.id, { ...wanted, policy })
    expect(made).toMatchObject({ allow, filter })
    expect(
      await faultsOf(edit(made, granter, { policy: policy.replace('GET:/pat', 'GET:/pot') })),
    ).toMatchObject({
      faults: [{ pointer: '/policy', detail: 'line 5: no operation GET:/potients:[items.name]' }],
    })
    expect(await faultsOf(edit(made, holderOf(), { policy: 'allow:\n- listPatients' }))).toMatchObject({
      faults: [
        { pointer: '/policy', detail: expect.stringContaining('line 2: you do not hold listPatients') },
      ],
    })
  })
})
