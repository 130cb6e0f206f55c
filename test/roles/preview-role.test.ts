import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import { createClientKey } from '../../src/client-keys/create-client-key.ts'
import { keysHolding } from '../../src/client-keys/key-holders.ts'
import { createRole } from '../../src/roles/create-role.ts'
import { previewRole } from '../../src/roles/preview-role.ts'
import { replaceRole } from '../../src/roles/replace-role.ts'
import { getRole, type Role } from '../../src/roles/role.ts'
import type { Giver } from '../../src/services/giving.ts'
import { type Deployment, granter, holderOf, openDeployment } from '../organizations/deployment.ts'

let at: Deployment
let role: Role
const where = "$principal:kind = 'user'"
const before = [{ operations: ['listPatients', 'createPatient'] }, { operations: ['deletePatient'], where }]

beforeEach(async () => {
  at = await openDeployment()
  const wanted = { service: 'clinic', name: 'Desk', description: '', allow: before }
  role = await createRole(at.deps, at.by, granter, at.customer.id, wanted)
})
afterEach(() => at.store.close())

const preview = (content: object, giver: Giver = granter, holdersMax = 10) =>
  previewRole(
    { ...at.deps, holdersOf: [keysHolding(at.deps.records)] },
    giver,
    at.customer.id,
    role.id,
    content,
    holdersMax,
  )

const keyWith = (name: string) =>
  createClientKey(at.deps, at.by, granter, at.customer.id, {
    ...{ service: 'clinic', name, role: role.id, environment: 'live', cidrs: [] },
  })

describe('what an edit of a role would change', () => {
  test('is told by operation, as it would be kept, and changes nothing', async () => {
    const policy = `allow:\n- listPatients\nwhere: ${where}\n\nallow:\n- deletePatient\n- getPatient`
    const { content, changes } = await preview({ policy })
    expect(content).toEqual({
      allow: [{ operations: ['listPatients'], where }, { operations: ['deletePatient', 'getPatient'] }],
    })
    expect(changes).toEqual({
      gains: ['getPatient'],
      loses: ['createPatient'],
      widened: ['deletePatient'],
      narrowed: ['listPatients'],
    })
    expect(await getRole(at.deps.records, at.customer.id, role.id)).toEqual(role)
    const changed = await at.deps.records.list(at.customer.id, auditEvents, 'type', 'role.changed', {
      limit: 1,
    })
    expect(changed).toEqual([])
  })

  test('is nothing where the edit says the same in other words', async () => {
    const allow = [
      { operations: ['createPatient', 'GET /patients'] },
      { operations: ['deletePatient'], where: `(${where})` },
    ]
    expect((await preview({ allow })).changes).toEqual({ gains: [], loses: [], widened: [], narrowed: [] })
  })

  test('is told with who holds the role, as many as were asked for', async () => {
    for (const name of ['One', 'Two', 'Three']) await keyWith(name)
    const allow = [{ operations: ['listPatients'] }]
    const all = await preview({ allow })
    expect(all.holders.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
      'client_key One',
      'client_key Three',
      'client_key Two',
    ])
    expect(all.areMore).toBe(false)
    expect(await preview({ allow }, granter, 2)).toMatchObject({ holders: [{}, {}], areMore: true })
  })

  test('is refused as the edit itself would be', async () => {
    const allow = [{ operations: ['deletePatient'] }]
    const written = { name: 'Desk', description: '', allow }
    const edit = replaceRole(at.deps, at.by, holderOf(), at.customer.id, role.id, written)
    const told = await edit.catch((error: unknown) => error)
    expect(told).toMatchObject({ code: 'role_refused', faults: [{ pointer: '/allow/0/operations/0' }] })
    await expect(preview({ allow }, holderOf())).rejects.toEqual(told)
  })
})
