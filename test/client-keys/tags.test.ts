import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import { changeClientKey } from '../../src/client-keys/change-client-key.ts'
import { createClientKey } from '../../src/client-keys/create-client-key.ts'
import { rotateClientKey } from '../../src/client-keys/rotate-client-key.ts'
import type { Tags } from '../../src/evaluator/model.ts'
import { revocations } from '../../src/revocations/revocation.ts'
import type { Giver } from '../../src/services/giving.ts'
import { type Deployment, granter, holderOf, openDeployment } from '../organizations/deployment.ts'

let at: Deployment
beforeEach(async () => {
  at = await openDeployment()
})
afterEach(() => at.store.close())

const create = (tags: Tags, giver: Giver = granter) =>
  createClientKey(at.deps, at.by, giver, at.customer.id, {
    ...{ service: 'clinic', name: 'Export', role: 'patients:read', environment: 'live', cidrs: [], tags },
  })
const reader = (tags: Tags): Giver => ({ ...holderOf('listPatients', 'getPatient'), holds: () => true, tags })
const refused = { code: 'tag_not_grantable' }

describe('the tags of a client key', () => {
  test('are kept, and told in the event', async () => {
    const { key } = await create({ ward: ['north'] })
    expect(key.tags).toEqual({ ward: ['north'] })
    const [event] = await at.deps.records.list(at.customer.id, auditEvents, 'target', key.id, { limit: 1 })
    expect(event?.details).toMatchObject({ tags: { ward: ['north'] } })
  })

  test('when changed end the tokens that the key has', async () => {
    const { key } = await create({ ward: ['north'] })
    const after = await changeClientKey(at.deps, at.by, granter, at.customer.id, key.id, {
      tags: { ward: ['south'] },
    })
    expect(after).toMatchObject({ tags: { ward: ['south'] }, authority: 2 })
    const places = await at.deps.records.locate(revocations, 'all', '', { limit: 10 })
    const [place] = places
    const entry = place && (await at.deps.records.find(place.organizationId, revocations, place.id))
    expect(entry?.ended).toEqual({ kind: 'authority', of: key.id, lowest: 2 })
    const same = await changeClientKey(at.deps, at.by, granter, at.customer.id, key.id, {
      tags: { ward: ['south'] },
    })
    expect(same).toEqual(after)
  })

  test('are given under the one rule: by creating, by changing, and by whoever gets the secret', async () => {
    await expect(create({ ward: ['north'] }, reader({}))).rejects.toMatchObject(refused)
    await expect(create({ ward: ['north'] }, reader({ ward: ['North'] }))).resolves.toBeDefined()
    const { key } = await create({ ward: ['north'] })
    const change = { tags: { ward: ['north', 'south'] } }
    const by = at.by
    const id = at.customer.id
    await expect(changeClientKey(at.deps, by, reader({}), id, key.id, change)).rejects.toMatchObject(refused)
    const rotated = rotateClientKey(at.deps, by, reader({}), id, key.id, { graceSeconds: 0 })
    await expect(rotated).rejects.toMatchObject(refused)
  })
})
