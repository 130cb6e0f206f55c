import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { changeClientKey } from '../../src/client-keys/change-client-key.ts'
import { changeClientKeyRole } from '../../src/client-keys/change-client-key-role.ts'
import { createClientKey } from '../../src/client-keys/create-client-key.ts'
import { disableClientKey } from '../../src/client-keys/disable-client-key.ts'
import { enableClientKey } from '../../src/client-keys/enable-client-key.ts'
import { rotateClientKey } from '../../src/client-keys/rotate-client-key.ts'
import { createRole } from '../../src/roles/create-role.ts'
import { entitledRoles, entitlements } from '../../src/services/entitlement.ts'
import { giverOf, grantingOperation } from '../../src/services/giver.ts'
import type { Giver } from '../../src/services/giving.ts'
import { operationsOf } from '../../src/services/operations-of.ts'
import { insert, update } from '../../src/storage/ports.ts'
import {
  clinicModel,
  type Deployment,
  granter,
  holderOf,
  openDeployment,
} from '../organizations/deployment.ts'

let at: Deployment
beforeEach(async () => {
  at = await openDeployment()
})
afterEach(() => at.store.close())

const operationIds = clinicModel.operations.filter((one) => one.public !== true).map(({ id }) => id)
const roleNames = clinicModel.roles.map(({ name }) => name)

/** A way of giving: a role, an entitlement and a giver, each at random. */
const ways = fc.record({
  entitled: fc.option(fc.subarray(roleNames), { nil: undefined }),
  /** A service-defined role, or the operations of an organization-defined one. */
  given: fc.oneof(
    fc.constantFrom(...roleNames),
    fc.uniqueArray(fc.constantFrom(...operationIds), { minLength: 1 }),
  ),
  held: fc.subarray(operationIds),
  mayGrantRoles: fc.boolean(),
})
type Way = typeof ways extends fc.Arbitrary<infer W> ? W : never

const giverIn = ({ held, mayGrantRoles }: Way): Giver => ({ ...holderOf(...held), mayGrantRoles })

/** The specification, said again in the plainest way. */
function mayGive({ given, held, mayGrantRoles }: Way, entitled: readonly string[]): boolean {
  const within = operationsOf(clinicModel, entitled)
  const operations = typeof given === 'string' ? [...operationsOf(clinicModel, [given])] : given
  if (typeof given === 'string' && !entitled.includes(given)) return false
  return operations.every((id) => within.has(id) && (mayGrantRoles || held.includes(id)))
}

let serial = 0
/** Names the role that the way gives; an organization-defined one is made first, while everything is entitled. */
async function roleNamed(way: Way): Promise<string> {
  await entitle(roleNames)
  if (typeof way.given === 'string') return way.given
  const allow = [{ operations: way.given }]
  const written = { service: 'clinic', name: `Role ${serial++}`, description: '', allow }
  return (await createRole(at.deps, at.by, granter, at.customer.id, written)).id
}

async function entitle(entitled: readonly string[] | undefined): Promise<readonly string[]> {
  const { records } = at.deps
  const before = await records.find(at.customer.id, entitlements, at.clinic.id)
  const defaults = entitledRoles(clinicModel, at.customer, undefined)
  const after = { id: at.clinic.id, organizationId: at.customer.id, version: 1, roles: entitled ?? defaults }
  await at.store.commit([
    before === undefined ? insert(entitlements, after) : update(entitlements, before, after),
  ])
  return entitledRoles(clinicModel, at.customer, after)
}

async function succeeds(attempt: Promise<unknown>, refused = 'role_not_grantable'): Promise<boolean> {
  return await attempt.then(
    () => true,
    (error: unknown) => {
      expect(error).toMatchObject({ code: refused })
      return false
    },
  )
}

const keyWith = (role: string, giver: Giver) =>
  createClientKey(at.deps, at.by, giver, at.customer.id, {
    ...{ service: 'clinic', name: 'Export', role, environment: 'live', cidrs: [] },
  })

describe('the rule for giving: what is entitled, and held where roles may not be granted', () => {
  test('by making a key', async () => {
    await fc.assert(
      fc.asyncProperty(ways, async (way) => {
        const role = await roleNamed(way)
        const entitled = await entitle(way.entitled)
        // A service of which it may use nothing looks like none.
        const refused = entitled.length === 0 ? 'service_not_found' : 'role_not_grantable'
        expect(await succeeds(keyWith(role, giverIn(way)), refused)).toBe(mayGive(way, entitled))
      }),
    )
  })

  test("by changing a key's role", async () => {
    await fc.assert(
      fc.asyncProperty(ways, async (way) => {
        const role = await roleNamed(way)
        const { key } = await keyWith('patients:read', granter)
        const entitled = await entitle(way.entitled)
        const change = changeClientKeyRole(at.deps, at.by, giverIn(way), at.customer.id, key.id, { role })
        expect(await succeeds(change)).toBe(mayGive(way, entitled))
      }),
    )
  })

  test("by rotating another's key, whose secret the caller then has", async () => {
    await fc.assert(
      fc.asyncProperty(ways, async (way) => {
        const role = await roleNamed(way)
        fc.pre(role !== 'admin')
        const { key } = await keyWith(role, granter)
        const entitled = await entitle(way.entitled)
        const options = { graceSeconds: 60 }
        const rotation = rotateClientKey(at.deps, at.by, giverIn(way), at.customer.id, key.id, options)
        expect(await succeeds(rotation)).toBe(mayGive(way, entitled))
      }),
    )
  })

  test('by lifting what a key is restricted by, or letting a disabled one work again', async () => {
    await fc.assert(
      fc.asyncProperty(ways, fc.boolean(), async (way, enables) => {
        const role = await roleNamed(way)
        fc.pre(role !== 'admin')
        const { key } = await keyWith(role, granter)
        await disableClientKey(at.deps, at.by, at.customer.id, key.id)
        const entitled = await entitle(way.entitled)
        const opened = enables
          ? enableClientKey(at.deps, at.by, giverIn(way), at.customer.id, key.id)
          : changeClientKey(at.deps, at.by, giverIn(way), at.customer.id, key.id, { cidrs: ['192.0.2.0/24'] })
        expect(await succeeds(opened)).toBe(mayGive(way, entitled))
      }),
    )
  })
})

test('a key may always rotate itself', async () => {
  const { key } = await keyWith('patients:read', granter)
  const itself = { ...at.by, id: key.id }
  const nobody = holderOf()
  const options = { graceSeconds: 60 }
  const { secret } = await rotateClientKey(at.deps, itself, nobody, at.customer.id, key.id, options)
  expect(secret).toBeDefined()
})

describe('who calls the management API', () => {
  const principal = (...held: readonly string[]) => ({ holds: (id: string) => held.includes(id) })

  test('gives anything within the entitlement with the operation that grants roles', async () => {
    const giver = await giverOf(at.deps.records, principal(grantingOperation))
    expect(giver.mayGrantRoles).toBe(true)
  })

  test("gives without it only the management API's own operations that it holds", async () => {
    const giver = await giverOf(at.deps.records, principal('getClientKey', 'listPatients'))
    expect(giver.mayGrantRoles).toBe(false)
    expect(giver.holds(at.latchkey.id, 'getClientKey', {})).toBe(true)
    expect(giver.holds(at.latchkey.id, 'createClientKey', {})).toBe(false)
    expect(giver.holds(at.clinic.id, 'listPatients', {})).toBe(false)
  })
})
