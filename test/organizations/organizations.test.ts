import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import { clientKeys, getClientKey, refusal } from '../../src/client-keys/client-key.ts'
import { createClientKey } from '../../src/client-keys/create-client-key.ts'
import { keyBelongings } from '../../src/client-keys/key-belongings.ts'
import type { OrganizationId } from '../../src/ids.ts'
import { createOrganization } from '../../src/organizations/create-organization.ts'
import { deleteOrganization, previewDeletion } from '../../src/organizations/delete-organization.ts'
import { listOrganizations } from '../../src/organizations/list-organizations.ts'
import { organizations } from '../../src/organizations/organization.ts'
import { reinstateOrganization } from '../../src/organizations/reinstate-organization.ts'
import { renameOrganization } from '../../src/organizations/rename-organization.ts'
import { slugFrom, slugPattern, slugWithEnding } from '../../src/organizations/slug.ts'
import { suspendOrganization } from '../../src/organizations/suspend-organization.ts'
import { revocations } from '../../src/revocations/revocation.ts'
import { createRole } from '../../src/roles/create-role.ts'
import { roles } from '../../src/roles/role.ts'
import { roleBelongings } from '../../src/roles/role-belongings.ts'
import { type Deployment, granter, openDeployment } from './deployment.ts'

let at: Deployment
beforeEach(async () => {
  at = await openDeployment()
})
afterEach(() => at.store.close())

const withBelongings = () => ({ ...at.deps, belongings: [keyBelongings(at.deps), roleBelongings(at.deps)] })

async function eventsOf(organizationId: OrganizationId) {
  const events = await at.deps.records.list(organizationId, auditEvents, 'all', '', { limit: 1000 })
  return events.map(({ type }) => type)
}

async function revocationsOf(organizationId: OrganizationId) {
  const places = await at.deps.records.locate(revocations, 'all', '', { limit: 1000 })
  const found = await Promise.all(
    places.map((p) => at.deps.records.find(p.organizationId, revocations, p.id)),
  )
  return found
    .filter((one) => one?.organizationId === organizationId)
    .map((one) => [one?.ended, one?.serviceId])
}

const newKey = (name = 'Export') =>
  createClientKey(at.deps, at.by, granter, at.customer.id, {
    ...{ service: 'clinic', name, role: 'patients:read', environment: 'live', cidrs: [] },
  })

describe('creating an organization', () => {
  test('makes the slug from the name, and another one where that is taken', async () => {
    const first = await createOrganization(at.deps, at.by, { name: 'Clínica São João' })
    const second = await createOrganization(at.deps, at.by, { name: 'Clinica Sao Joao' })
    expect(first.slug).toBe('clinica-sao-joao')
    expect(second.slug).toMatch(/^clinica-sao-joao-[0-9a-z]{4}$/)
  })

  test('refuses a slug that was asked for and is taken', async () => {
    const again = createOrganization(at.deps, at.by, { name: 'Other', slug: 'riverside' })
    await expect(again).rejects.toMatchObject({ code: 'already_exists', faults: [{ pointer: '/slug' }] })
  })

  test('of one slug succeeds for one of many at once', async () => {
    const all = Array.from({ length: 20 }, () =>
      createOrganization(at.deps, at.by, { name: 'One', slug: 'one' }),
    )
    const outcomes = await Promise.allSettled(all)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('is told in its own trail and in that of who did it', async () => {
    const { id } = await createOrganization(at.deps, at.by, { name: 'New' })
    expect(await eventsOf(id)).toEqual(['organization.created'])
    expect(await eventsOf(at.operator.id)).toEqual(['organization.created'])
  })

  test('always gives a slug of the right form, whatever the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (name) => {
        expect(slugFrom(name)).toMatch(slugPattern)
        expect(slugWithEnding(slugFrom(name), 'a1b2')).toMatch(slugPattern)
      }),
    )
  })
})

test('organizations are listed in pages, each once', async () => {
  for (let i = 0; i < 5; i++) await createOrganization(at.deps, at.by, { name: `Customer ${i}` })
  const seen: string[] = []
  let after: OrganizationId | undefined
  for (;;) {
    const page = await listOrganizations(at.deps.records, { limit: 3, after })
    if (page.length === 0) break
    seen.push(...page.map(({ id }) => id))
    after = page.at(-1)?.id
  }
  expect(seen).toHaveLength(7)
  expect(new Set(seen).size).toBe(7)
})

describe('renaming', () => {
  test('keeps the slug and is told', async () => {
    const after = await renameOrganization(at.deps, at.by, at.customer.id, { name: 'Riverside Clinics' })
    expect(after).toMatchObject({ slug: 'riverside', name: 'Riverside Clinics', version: 2 })
    expect(await at.deps.records.find(at.customer.id, organizations, at.customer.id)).toEqual(after)
    expect(await eventsOf(at.customer.id)).toContain('organization.renamed')
  })

  test('is refused when If-Match names another version', async () => {
    const stale = renameOrganization(at.deps, at.by, at.customer.id, { name: 'X', ifMatch: 7 })
    await expect(stale).rejects.toMatchObject({ code: 'precondition_failed' })
  })
})

describe('suspending', () => {
  test('refuses every key of the organization at once, changing none of them', async () => {
    const { key } = await newKey()
    const organization = await suspendOrganization(at.deps, at.by, at.customer.id, { reason: 'unpaid' })
    const stored = await getClientKey(at.deps.records, at.customer.id, key.id)
    expect(stored).toEqual(key)
    const facts = { organization, service: at.clinic, role: undefined }
    expect(refusal(stored, facts, at.deps.clock())).toBe('organization_suspended')
    const reinstated = await reinstateOrganization(at.deps, at.by, at.customer.id)
    expect(refusal(stored, { ...facts, organization: reinstated }, at.deps.clock())).toBeUndefined()
  })

  test('raises the authority and ends older tokens of all services in the same commit', async () => {
    const after = await suspendOrganization(at.deps, at.by, at.customer.id, { reason: 'unpaid' })
    expect(after.authority).toBe(2)
    expect(await revocationsOf(at.customer.id)).toEqual([
      [{ kind: 'authority', of: at.customer.id, lowest: 2 }, undefined],
    ])
  })

  test('and deleting never touch the operator', async () => {
    const suspended = suspendOrganization(at.deps, at.by, at.operator.id, { reason: 'x' })
    await expect(suspended).rejects.toMatchObject({ code: 'organization_protected' })
    const deleted = deleteOrganization(withBelongings(), at.by, at.operator.id, { confirm: 'operator' })
    await expect(deleted).rejects.toMatchObject({ code: 'organization_protected' })
  })
})

describe('deleting', () => {
  test('says first what goes with it', async () => {
    await newKey()
    await newKey('Import')
    const { goesWith } = await previewDeletion(withBelongings(), at.customer.id)
    expect(goesWith).toEqual([
      { kind: 'client_keys', count: 2 },
      { kind: 'roles', count: 0 },
    ])
  })

  test.each([undefined, 'river', 'Riverside'])('needs its slug, not %j', async (confirm) => {
    const refused = deleteOrganization(withBelongings(), at.by, at.customer.id, { confirm })
    await expect(refused).rejects.toMatchObject({
      code: 'confirmation_required',
      data: { goes_with: { roles: 0 } },
    })
    expect(await at.deps.records.find(at.customer.id, organizations, at.customer.id)).toBeDefined()
  })

  test('ends it, its tokens and all that was its own, an event each', async () => {
    for (let i = 0; i < 150; i++) await newKey(`Key ${i}`)
    const allow = [{ operations: ['listPatients'] }]
    const written = { service: 'clinic', name: 'Desk', description: '', allow }
    await createRole(at.deps, at.by, granter, at.customer.id, written)
    await deleteOrganization(withBelongings(), at.by, at.customer.id, { confirm: 'riverside' })
    const { records } = at.deps
    expect(await records.find(at.customer.id, organizations, at.customer.id)).toBeUndefined()
    expect(await records.list(at.customer.id, clientKeys, 'all', '', { limit: 10 })).toEqual([])
    expect(await records.list(at.customer.id, roles, 'all', '', { limit: 10 })).toEqual([])
    expect(await revocationsOf(at.customer.id)).toEqual([
      [{ kind: 'authority', of: at.customer.id, lowest: Number.MAX_SAFE_INTEGER }, undefined],
    ])
    const events = await eventsOf(at.customer.id)
    expect(events.filter((type) => type === 'client_key.deleted')).toHaveLength(150)
    expect(events).toContain('role.deleted')
    expect(await eventsOf(at.operator.id)).toContain('organization.deleted')
  })

  test('waits for what others depend on', async () => {
    const owned = {
      kind: 'services',
      count: async () => 1,
      tidy: async () => {},
      removeFirst: 'delete them first',
    }
    const deps = { ...at.deps, belongings: [owned] }
    const refused = deleteOrganization(deps, at.by, at.customer.id, { confirm: 'riverside' })
    await expect(refused).rejects.toMatchObject({ code: 'organization_protected', fix: 'delete them first' })
  })
})
