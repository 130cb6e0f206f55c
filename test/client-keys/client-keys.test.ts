import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import { changeClientKey } from '../../src/client-keys/change-client-key.ts'
import { changeClientKeyRole } from '../../src/client-keys/change-client-key-role.ts'
import {
  type ClientKey,
  clientKeys,
  getClientKey,
  liveSecrets,
  refusal,
} from '../../src/client-keys/client-key.ts'
import { createClientKey, type NewClientKey } from '../../src/client-keys/create-client-key.ts'
import { disableClientKey } from '../../src/client-keys/disable-client-key.ts'
import { enableClientKey } from '../../src/client-keys/enable-client-key.ts'
import { listClientKeys } from '../../src/client-keys/list-client-keys.ts'
import { retireSecret } from '../../src/client-keys/retire-secret.ts'
import { revokeClientKey } from '../../src/client-keys/revoke-client-key.ts'
import { rotateClientKey } from '../../src/client-keys/rotate-client-key.ts'
import { parseSecret } from '../../src/client-keys/secret-format.ts'
import { secretVerifier } from '../../src/client-keys/verify-secret.ts'
import { revocations } from '../../src/revocations/revocation.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import type { Secret } from '../../src/secrets/secret.ts'
import { entitlements } from '../../src/services/entitlement.ts'
import { insert } from '../../src/storage/ports.ts'
import {
  type Deployment,
  dayMs,
  granter,
  holderOf,
  noonMs,
  openDeployment,
} from '../organizations/deployment.ts'

let at: Deployment
beforeEach(async () => {
  at = await openDeployment()
})
afterEach(() => at.store.close())

const wanted = (more: Partial<NewClientKey> = {}): NewClientKey => ({
  ...{ service: 'clinic', name: 'Export', role: 'patients:read', environment: 'live', cidrs: [] },
  ...more,
})
const create = (more: Partial<NewClientKey> = {}, giver = granter, organizationId = at.customer.id) =>
  createClientKey(at.deps, at.by, giver, organizationId, wanted(more))
const rotate = (id: ClientKey['id'], graceSeconds = 86_400, giver = granter, by = at.by) =>
  rotateClientKey(at.deps, by, giver, at.customer.id, id, { graceSeconds })
const stored = (id: ClientKey['id']) => getClientKey(at.deps.records, at.customer.id, id)
const textOf = (secret: Secret | undefined) => secret?.reveal() ?? ''
const reasonNow = (key: ClientKey) =>
  refusal(key, { organization: at.customer, service: at.clinic, role: undefined }, at.deps.clock())

async function entriesFor(key: ClientKey) {
  const places = await at.deps.records.locate(revocations, 'all', '', { limit: 1000 })
  const all = await Promise.all(places.map((p) => at.deps.records.find(p.organizationId, revocations, p.id)))
  return all.filter((one) => one?.ended.kind === 'authority' && one.ended.of === key.id)
}

describe('creating a client key', () => {
  test('shows a secret that names the key and opens it', async () => {
    const { key, secret } = await create({ environment: 'test' })
    expect(parseSecret(textOf(secret))).toEqual({ environment: 'test', keyId: key.id })
    expect(secretVerifier(at.deps.secrets)(key, textOf(secret), noonMs)).toBe('live')
    expect(await stored(key.id)).toEqual(key)
  })

  test('leaves no secret in the store, in events or in errors', async () => {
    const { key, secret } = await create()
    const text = textOf(secret)
    const rotation = await rotate(key.id)
    const errors = await Promise.all([
      rotate(key.id, 0, holderOf()).catch((error: unknown) => error),
      retireSecret(at.deps, at.by, at.customer.id, key.id, { secretId: at.deps.newId('sec') }).catch(
        (error: unknown) => error,
      ),
    ])
    const { records } = at.deps
    const dump = JSON.stringify([
      await records.list(at.customer.id, clientKeys, 'all', '', { limit: 10 }),
      await records.list(at.customer.id, auditEvents, 'all', '', { limit: 100 }),
      errors.map((error) => (error instanceof Error ? [error.message, error.stack, { ...error }] : error)),
      secret,
      rotation,
    ])
    for (const canary of [text, textOf(rotation.secret)]) {
      expect(dump).not.toContain(canary)
      expect(dump).not.toContain(canary.split('_')[3])
      expect(dump).not.toContain(Buffer.from(canary).toString('base64').slice(60, 100))
    }
  })

  test('seals the hash, so that a stolen store is useless without the deployment secret', async () => {
    const { key, secret } = await create()
    const thief = deploymentSecrets([Buffer.from(at.deps.random(32)).toString('base64url')], at.deps.random)
    expect(() => secretVerifier(thief)(key, textOf(secret), noonMs)).toThrow('is not given')
    const [kept] = liveSecrets(key, noonMs)
    expect(kept?.sealedHash).toMatch(/^v1\$/)
    expect(() =>
      at.deps.secrets.open('client-secrets', at.deps.newId('key'), kept?.sealedHash ?? ''),
    ).toThrow()
  })

  test('refuses a role that there is not, with the nearest', async () => {
    await expect(create({ role: 'patients:reed' })).rejects.toMatchObject({
      code: 'role_not_found',
      faults: [{ pointer: '/role', fix: expect.stringContaining('patients:read') }],
    })
  })

  test.each(['admin', 'billing'])(
    'refuses the role %s, which is outside of the entitlement',
    async (role) => {
      await expect(create({ role })).rejects.toMatchObject({ code: 'role_not_grantable' })
    },
  )

  test('lets the operator have the roles that are for it alone', async () => {
    expect((await create({ role: 'admin' }, granter, at.operator.id)).key.role).toBe('admin')
  })

  test('refuses a service that there is not', async () => {
    await expect(create({ service: 'nowhere' })).rejects.toMatchObject({ code: 'service_not_found' })
  })
})

describe('a guard key', () => {
  const guard = { service: 'latchkey', role: 'guard' }

  test('guards one service of its own organization', async () => {
    const { key } = await create({ ...guard, guardsService: 'clinic' }, granter, at.operator.id)
    expect(key.guardsServiceId).toBe(at.clinic.id)
  })

  test('must say which', async () => {
    await expect(create(guard, granter, at.operator.id)).rejects.toMatchObject({
      code: 'invalid_request',
      faults: [{ pointer: '/guards_service' }],
    })
  })

  test("never guards another organization's service", async () => {
    const roles = ['guard']
    await at.store.commit([
      insert(entitlements, { id: at.latchkey.id, organizationId: at.customer.id, version: 1, roles }),
    ])
    await expect(create({ ...guard, guardsService: 'clinic' })).rejects.toMatchObject({
      code: 'service_not_found',
    })
  })

  test('is in no default entitlement', async () => {
    const refused = create({ ...guard, guardsService: 'clinic' })
    await expect(refused).rejects.toMatchObject({ code: 'role_not_grantable' })
  })

  test('alone guards anything, and no more once it has another role', async () => {
    await expect(create({ guardsService: 'clinic' })).rejects.toMatchObject({ code: 'invalid_request' })
    const { key } = await create({ ...guard, guardsService: 'clinic' }, granter, at.operator.id)
    const change = { role: 'organization-viewer' }
    const after = await changeClientKeyRole(at.deps, at.by, granter, at.operator.id, key.id, change)
    expect(after.guardsServiceId).toBeUndefined()
  })
})

describe('rotating', () => {
  test('leaves the old secret live for the grace, and the key what it was', async () => {
    const { key, secret } = await create()
    const rotation = await rotate(key.id, 3600)
    const verify = secretVerifier(at.deps.secrets)
    const both = [textOf(secret), textOf(rotation.secret)]
    expect(rotation.key).toMatchObject({ id: key.id, authority: key.authority })
    expect(both.map((text) => verify(rotation.key, text, noonMs + 3_599_999))).toEqual(['live', 'live'])
    expect(both.map((text) => verify(rotation.key, text, noonMs + 3_600_000))).toEqual(['ended', 'live'])
    expect(await entriesFor(key)).toEqual([])
  })

  test('with a grace of 0 ends the old secret and its tokens at once', async () => {
    const { key, secret } = await create()
    const rotation = await rotate(key.id, 0)
    expect(secretVerifier(at.deps.secrets)(rotation.key, textOf(secret), noonMs)).not.toBe('live')
    expect(rotation.key.authority).toBe(key.authority + 1)
    expect(await entriesFor(key)).toMatchObject([{ ended: { lowest: 2 }, serviceId: at.clinic.id }])
  })

  test('never gives a secret longer than its key', async () => {
    const { key } = await create({ expiresAt: noonMs + 1000 })
    const { key: after } = await rotate(key.id)
    expect(liveSecrets(after, noonMs).map(({ endsAt }) => endsAt)).toEqual([noonMs + 1000, undefined])
  })

  test('again within the grace ends the oldest, and gives no secret longer than it had', async () => {
    const { key, secret } = await create()
    await rotate(key.id, 60)
    const { key: after } = await rotate(key.id)
    expect(liveSecrets(after, noonMs)).toHaveLength(2)
    expect(secretVerifier(at.deps.secrets)(after, textOf(secret), noonMs)).not.toBe('live')
  })

  test('50 times at once never leaves more than two live secrets, and each answer that succeeded counted', async () => {
    const { key } = await create()
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => rotate(key.id)))
    const succeeded = outcomes.filter(({ status }) => status === 'fulfilled')
    const after = await stored(key.id)
    expect(succeeded.length).toBeGreaterThan(0)
    expect(liveSecrets(after, noonMs)).toHaveLength(2)
    expect(after.version).toBe(key.version + succeeded.length)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'conflict' })
  })

  test('a key without a secret, an expired or a revoked one is refused', async () => {
    const { key } = await create({ expiresAt: noonMs + 1 })
    at.time.nowMs = noonMs + 1
    await expect(rotate(key.id)).rejects.toMatchObject({ code: 'client_key_state' })
    const other = await create()
    await revokeClientKey(at.deps, at.by, at.customer.id, other.key.id, { reason: 'superseded' })
    await expect(rotate(other.key.id)).rejects.toMatchObject({ code: 'client_key_state' })
  })
})

describe('retiring a secret', () => {
  test('ends it at once, and the tokens of the key', async () => {
    const { key, secret } = await create()
    const { key: rotated } = await rotate(key.id)
    const [old] = liveSecrets(rotated, noonMs)
    const after = await retireSecret(at.deps, at.by, at.customer.id, key.id, {
      secretId: old?.id ?? at.deps.newId('sec'),
    })
    expect(liveSecrets(after, noonMs)).toHaveLength(1)
    expect(secretVerifier(at.deps.secrets)(after, textOf(secret), noonMs)).toBe('wrong')
    expect(await entriesFor(key)).toHaveLength(1)
  })

  test('is refused for the last one', async () => {
    const { key } = await create()
    const [only] = liveSecrets(key, noonMs)
    const refused = retireSecret(at.deps, at.by, at.customer.id, key.id, {
      secretId: only?.id ?? at.deps.newId('sec'),
    })
    await expect(refused).rejects.toMatchObject({ code: 'client_key_state' })
  })
})

describe('each change of role, restrictions or state', () => {
  const changes: readonly (readonly [string, (key: ClientKey) => Promise<ClientKey>])[] = [
    [
      'role',
      (key) =>
        changeClientKeyRole(at.deps, at.by, granter, at.customer.id, key.id, { role: 'patients:write' }),
    ],
    [
      'addresses',
      (key) => changeClientKey(at.deps, at.by, granter, at.customer.id, key.id, { cidrs: ['192.0.2.0/24'] }),
    ],
    [
      'expiry',
      (key) =>
        changeClientKey(at.deps, at.by, granter, at.customer.id, key.id, { expiresAt: noonMs + dayMs }),
    ],
    ['disabled', (key) => disableClientKey(at.deps, at.by, at.customer.id, key.id)],
    [
      'revoked',
      (key) => revokeClientKey(at.deps, at.by, at.customer.id, key.id, { reason: 'key_compromise' }),
    ],
  ]

  test.each(changes)(
    '(%s) raises the authority and ends older tokens, with one event',
    async (_name, change) => {
      const { key } = await create()
      const after = await change(key)
      expect(await stored(key.id)).toEqual(after)
      expect(after).toMatchObject({ authority: 2, version: 2 })
      expect(await entriesFor(key)).toMatchObject([{ ended: { lowest: 2 }, serviceId: at.clinic.id }])
      const events = await at.deps.records.list(at.customer.id, auditEvents, 'target', key.id, { limit: 10 })
      expect(events).toHaveLength(2)
    },
  )

  test('but not a new name', async () => {
    const { key } = await create()
    const after = await changeClientKey(at.deps, at.by, granter, at.customer.id, key.id, { name: 'Import' })
    expect(after).toMatchObject({ name: 'Import', authority: 1, version: 2 })
    expect(await entriesFor(key)).toEqual([])
  })

  test('is refused once the key is revoked, and at another version than If-Match names', async () => {
    const { key } = await create()
    const stale = disableClientKey(at.deps, at.by, at.customer.id, key.id, { ifMatch: 9 })
    await expect(stale).rejects.toMatchObject({ code: 'precondition_failed' })
    const revoked = await revokeClientKey(at.deps, at.by, at.customer.id, key.id, { reason: 'superseded' })
    const late = enableClientKey(at.deps, at.by, granter, at.customer.id, key.id)
    await expect(late).rejects.toMatchObject({ code: 'client_key_state' })
    const again = await revokeClientKey(at.deps, at.by, at.customer.id, key.id, { reason: 'key_compromise' })
    expect(again).toEqual(revoked)
  })
})

describe('whether a key may be used', () => {
  test('follows its state', async () => {
    const { key } = await create()
    expect(reasonNow(key)).toBeUndefined()
    const disabled = await disableClientKey(at.deps, at.by, at.customer.id, key.id)
    expect(reasonNow(disabled)).toBe('disabled')
    expect(reasonNow(await enableClientKey(at.deps, at.by, granter, at.customer.id, key.id))).toBeUndefined()
    const revoked = await revokeClientKey(at.deps, at.by, at.customer.id, key.id, { reason: 'superseded' })
    expect(reasonNow(revoked)).toBe('revoked')
  })

  test('ends at its expiry, to the millisecond', async () => {
    const { key } = await create({ expiresAt: noonMs + 1000 })
    at.time.nowMs = noonMs + 999
    expect(reasonNow(key)).toBeUndefined()
    at.time.nowMs = noonMs + 1000
    expect(reasonNow(key)).toBe('expired')
  })

  test('ends with its organization, its service and its role', async () => {
    const { key } = await create()
    const facts = { organization: at.customer, service: at.clinic, role: undefined }
    const noRoles = { ...at.clinic, model: { ...at.clinic.model, roles: [] } }
    expect(refusal(key, { ...facts, organization: undefined }, noonMs)).toBe('organization_gone')
    expect(refusal(key, { ...facts, service: undefined }, noonMs)).toBe('service_gone')
    expect(refusal(key, { ...facts, service: at.latchkey }, noonMs)).toBe('service_gone')
    expect(refusal(key, { ...facts, service: noRoles }, noonMs)).toBe('role_deleted')
    const ofOwnRole = { ...key, role: at.deps.newId('rol') }
    expect(refusal(ofOwnRole, facts, noonMs)).toBe('role_deleted')
  })
})

test('keys are listed by service, and another organization has none of them', async () => {
  const { key } = await create()
  await create({ service: 'latchkey', role: 'organization-viewer' })
  const { records } = at.deps
  const ofClinic = await listClientKeys(records, at.customer.id, 'clinic', { limit: 10 })
  expect(ofClinic).toEqual([key])
  expect(await listClientKeys(records, at.customer.id, undefined, { limit: 10 })).toHaveLength(2)
  expect(await listClientKeys(records, at.operator.id, undefined, { limit: 10 })).toEqual([])
  await expect(getClientKey(records, at.operator.id, key.id)).rejects.toMatchObject({
    code: 'client_key_not_found',
  })
})
