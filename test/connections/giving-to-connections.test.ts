import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { readMapping, type WantedMapping } from '../../src/connections/giving-to-connections.ts'
import { type Mapping, mapped } from '../../src/connections/mapping.ts'
import { hasCode } from '../../src/errors.ts'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { operationsOfRoles } from '../../src/evaluator/grant.ts'
import type { Operation } from '../../src/evaluator/model.ts'
import { services } from '../../src/services/service.ts'
import { update } from '../../src/storage/ports.ts'
import { clinicModel, holderOf, openDeployment } from '../organizations/deployment.ts'

const at = await openDeployment()
afterAll(() => at.store.close())

/** Needs the scopes of all these. */
const needing = (id: string, scopes: readonly string[]): Operation => ({
  ...{ id, method: 'POST', path: `/patients/${id}`, parameters: {} },
  alternatives: [scopes],
})
const model = {
  ...clinicModel,
  operations: [
    ...clinicModel.operations,
    needing('merge', ['patients:read', 'patients:write']),
    needing('purge', ['records-keeper', 'patients:write']),
  ],
}
await at.store.commit([update(services, at.clinic, { ...at.clinic, model })])
const compiled = compileModel(model)

const roleNames = ['patients:read', 'patients:write', 'records-keeper'] as const
const groups = ['nurses', 'doctors'] as const
const role = fc.constantFrom(...roleNames).map((name) => ({ service: 'clinic', role: name }))
const rule = fc
  .tuple(role, fc.constantFrom('groups', 'teams'), fc.constantFrom(...groups))
  .map(([given, claim, value]) => ({ ...given, claim, value }))
const mapping: fc.Arbitrary<WantedMapping> = fc.record({
  roles: fc.array(rule, { maxLength: 3 }),
  tags: fc.constant([]),
  defaultRoles: fc.uniqueArray(role, { maxLength: 2, selector: (one) => one.role }),
})
/** All operations that roles can give one by one, and some that they give together: mappings are often within these. */
const held = fc
  .tuple(
    fc.subarray(['listPatients', 'getPatient', 'createPatient', 'deletePatient'], { minLength: 3 }),
    fc.subarray(['merge', 'purge']),
  )
  .map((several) => several.flat())

const all = [[], ['nurses'], ['doctors'], ['nurses', 'doctors']]
const signIns = all.flatMap((ofGroups) => all.map((teams) => ({ groups: ofGroups, teams })))

/** What some sign-in gives that is not among these operations. */
function beyond(read: Mapping, operations: readonly string[]): readonly string[] {
  return signIns.flatMap((claims) => {
    const names = mapped(read, claims).roles.map((one) => one.role)
    return [...operationsOfRoles(compiled, names)].filter((id) => !operations.includes(id))
  })
}

test('a mapping is taken just where no sign-in gives what its giver may not', async () => {
  const seen = { taken: 0, refused: 0, apart: 0 }
  await fc.assert(
    fc.asyncProperty(mapping, held, async (wanted, operations) => {
      const read = (giver: Parameters<typeof readMapping>[1]) =>
        readMapping(at.deps.records, giver, at.customer.id, wanted)
      const asWritten = await read({ mayGrantRoles: true, holds: () => true })
      const isRefused = await read(holderOf(...operations)).then(
        () => false,
        (cause: unknown) => {
          if (!hasCode(cause, 'role_not_grantable')) throw cause
          return true
        },
      )
      expect(isRefused).toBe(beyond(asWritten, operations).length > 0)
      seen[isRefused ? 'refused' : 'taken']++
      const names = [...asWritten.roles, ...asWritten.defaultRoles].map((one) => one.role)
      const together = [...operationsOfRoles(compiled, names)]
      if (!isRefused && together.some((id) => !operations.includes(id))) seen.apart++
    }),
    { numRuns: 300 },
  )
  expect(Object.entries(seen).filter(([, count]) => count === 0)).toEqual([])
})
