import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { clinicBundle, type Issuer, makeIssuer } from './clinic-issuer.ts'
import { get, guardOf, type Held, heldBy } from './in-process.ts'

let issuer: Issuer
let held: Held
beforeAll(async () => {
  issuer = await makeIssuer()
})
beforeEach(() => {
  held = heldBy(clinicBundle(issuer))
})

const forget_at = '2030-01-03T00:00:00.000Z'
/** A person of org_a, through an app of org_b. */
const delegated = {
  sub: 'usr_1',
  client_id: 'key_app',
  ver: { usr_1: 1, org_a: 5, key_app: 3, org_b: 2 },
  grant_id: 'gra_1',
  scope: 'openid patients:read',
}
const ask = async (claims: Record<string, unknown> = {}, path?: string, method = 'GET') =>
  guardOf(held).check(get(await issuer.sign({ ...delegated, ...claims }), path, { method }))

describe('a person through an app', () => {
  test('does what both a consented scope and a role of theirs allow', async () => {
    expect(await ask()).toMatchObject({
      allowed: true,
      role: 'patients:read',
      caller: { kind: 'user', id: 'usr_1', organizationId: 'org_a', clientId: 'key_app' },
    })
  })

  test('is told which scope is missing, where their roles would do (RFC 6750 §3.1)', async () => {
    const answer = await ask({ scope: 'openid settings' })
    expect(answer).toMatchObject({ status: 403, reason: 'insufficient_scope' })
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer realm="clinic", error="insufficient_scope", scope="patients:read"',
    )
  })

  test('is not sent for more scopes where their roles do not do', async () => {
    for (const [roles, reason] of [
      [['settings'], 'operation_not_in_role'],
      [[], 'no_role'],
    ] as const) {
      const answer = await ask({ roles, scope: 'patients:read patients:write' })
      expect(answer).toMatchObject({ status: 403, reason })
      expect(answer.headers).not.toHaveProperty('www-authenticate')
    }
  })

  test.each([[{ scope: undefined }], [{ scope: '' }], [{ scope: 'openid offline_access' }]])(
    'does nothing without a scope of the service, whatever their roles: %o',
    async (claims) => {
      expect(await ask(claims)).toMatchObject({ status: 403, reason: 'insufficient_scope' })
    },
  )

  test('holds what the scopes leave of their roles', async () => {
    const answer = await ask({ roles: ['patients:read', 'patients:write'] })
    expect(answer.allowed && answer.holds('getPatient')).toBe(true)
    expect(answer.allowed && answer.holds('createPatient')).toBe(false)
  })

  test('stays in their own organization, be they of the operator', async () => {
    held.organizations['org_a'] = { state: 'active', entitlement: ['admin', 'settings'] }
    const settings = (organization: string, scope: string) =>
      ask({ roles: ['admin'], scope }, `/v1/organizations/${organization}/settings`)
    expect(await settings('org_a', 'settings')).toMatchObject({ allowed: true })
    expect(await settings('org_b', 'settings')).toMatchObject({ status: 404, reason: 'unknown_resource' })
    expect(await settings('org_b', 'settings admin')).toMatchObject({ allowed: true })
  })
})

describe('a delegated token ends', () => {
  test.each([
    ['the person', { kind: 'authority', of: 'usr_1', lowest: 2 }],
    ["the person's organization", { kind: 'authority', of: 'org_a', lowest: 6 }],
    ['the app', { kind: 'authority', of: 'key_app', lowest: 4 }],
    ["the app's organization", { kind: 'authority', of: 'org_b', lowest: 3 }],
    ['the consent', { kind: 'grant', grant_id: 'gra_1' }],
  ] as const)('with %s', async (_name, entry) => {
    expect(await ask()).toMatchObject({ allowed: true })
    held.revocations.push({ ...entry, forget_at })
    expect(await ask()).toMatchObject({ status: 401, reason: 'token_revoked' })
  })
})

describe('the kind is told by the prefix of the subject', () => {
  test.each([
    ['a machine that is not its own client', { sub: 'key_1', client_id: 'key_app' }],
    ['a subject of no known kind', { sub: 'app_1', client_id: 'app_1' }],
    ['a person in capitals', { sub: 'USR_1' }],
    ['a person whose token could not be ended by them', { ver: { org_a: 5, key_app: 3, org_b: 2 } }],
    ['a person whose token could not be ended by their organization', { ver: { usr_1: 1, key_app: 3 } }],
    ['a person whose token could not be ended by the app', { ver: { usr_1: 1, org_a: 5 } }],
    ['a person whose token could not be ended by the consent', { grant_id: undefined }],
    ['a consent that is no text', { grant_id: 7 }],
  ])('and %s is refused', async (_name, claims) => {
    const ver = { ...delegated.ver, key_1: 1, app_1: 1, USR_1: 1 }
    expect(await ask({ ver, ...claims })).toMatchObject({ status: 401, reason: 'invalid_token' })
  })

  test('an app that has registered itself has no authority of its own to name', async () => {
    const claims = { client_id: 'https://app.example/client.json', ver: { usr_1: 1, org_a: 5 } }
    expect(await ask(claims)).toMatchObject({ allowed: true, caller: { kind: 'user' } })
  })
})
