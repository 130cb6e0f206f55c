import { randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { listRefusals } from '../../src/audit/activity.ts'
import { usedMark } from '../../src/audit/issued-tokens.ts'
import { auditEvents } from '../../src/audit/record.ts'
import { clientKeys } from '../../src/client-keys/client-key.ts'
import { disableClientKey } from '../../src/client-keys/disable-client-key.ts'
import { consents } from '../../src/consents/consent.ts'
import { endConsent } from '../../src/consents/end-consent.ts'
import type { UserId } from '../../src/ids.ts'
import { suspendOrganization } from '../../src/organizations/suspend-organization.ts'
import { type Assumption, assumptions } from '../../src/roles/assumption.ts'
import { changeAssumption } from '../../src/roles/change-assumption.ts'
import { deleteAssumption } from '../../src/roles/delete-assumption.ts'
import { replaceRole } from '../../src/roles/replace-role.ts'
import { type Role, roles } from '../../src/roles/role.ts'
import { entitlements } from '../../src/services/entitlement.ts'
import { disableUser } from '../../src/users/disable-user.ts'
import { users } from '../../src/users/user.ts'
import { appOf, appUri, ask, signIn } from './app.ts'
import { Browser } from './browser.ts'
import {
  accessTokenType,
  claimsOf,
  type Exchanging,
  startExchanging,
  tokenExchange,
  toldIn,
} from './exchanging.ts'
import { askToken, basic, clock, type IssuedKey, newId, tokenOf } from './fixture.ts'

let at: Exchanging
beforeAll(async () => {
  at = await startExchanging()
})
afterAll(() => at.stop())

const by = () =>
  ({ kind: 'system', id: 'test', organizationId: at.organization.id, requestId: 'req' }) as const
const granter = { mayGrantRoles: true, holds: () => true }

function addRole(operations: readonly string[]): Promise<Role> {
  const times = { createdAt: clock(), changedAt: clock() }
  return at.add<Role>(roles, {
    ...{ id: newId('rol'), organizationId: at.organization.id, version: 1, serviceId: at.service.id },
    ...{ name: newId('rol'), description: '', allow: [{ operations }], ...times },
  })
}

/** Somebody of the lab, and the token that they let an app have. */
async function personThrough(app: IssuedKey, scope = 'openid patients:read') {
  const email = `${randomUUID()}@lab.example`
  const user = await at.addUser({ organizationId: at.lab.id, email })
  const config = await appOf(at, app)
  const browser = new Browser(at.origin)
  const { url, checks } = await ask(config, { scope })
  const consent = await signIn(browser, await browser.open(url), email)
  const { url: back } = await browser.submit(consent, { decision: 'allow' })
  const { access_token: token } = await client.authorizationCodeGrant(config, back, checks)
  return { user, token }
}
const addLabApp = () => at.addLabKey({ name: 'Bench', redirectUris: [appUri] })

const noAssumption =
  '400 {"error":"invalid_target","error_description":"there is no such assumption for you here"}'
const noSubject = expect.stringMatching(
  /^400 {"error":"invalid_request","error_description":"subject_token must be/,
)

describe('what a token exchange gives (RFC 8693)', () => {
  test("a token of the other organization's role and tags, for the one who has come", async () => {
    const assumption = await at.addAssumption({ tags: { ward: ['north', 'south'] } })
    const own = await at.ownToken()
    const answer = await tokenOf(await at.exchange(assumption, own))
    expect(answer).toEqual({
      ...{ access_token: expect.any(String), issued_token_type: accessTokenType },
      ...{ token_type: 'Bearer', expires_in: 600 },
    })
    const { iat = 0, ...claims } = await claimsOf(await at.exchange(assumption, own))
    expect(claims).toEqual({
      ...{ iss: at.issuer, aud: at.service.audience, jti: expect.any(String), exp: iat + 600 },
      ...{ sub: at.labKey.key.id, client_id: at.labKey.key.id },
      act: { sub: at.labKey.key.id, org_id: at.lab.id },
      assumption: assumption.id,
      ...{ org_id: at.organization.id, roles: ['patients:read'], tags: { ward: ['north', 'south'] } },
      ver: { [assumption.id]: 9, [at.organization.id]: 3, [at.lab.id]: 4, [at.labKey.key.id]: 2 },
      env: 'live',
    })
  })

  test('an organization-defined role is named by its id, and its version', async () => {
    const role = await addRole(['listPatients'])
    const claims = await claimsOf(
      await at.exchange(await at.addAssumption({ role: role.id }), await at.ownToken()),
    )
    expect(claims).toMatchObject({ roles: [role.id], ver: { [role.id]: 1 } })
  })

  test('it lives no longer than the assumption says, than the subject token, than one of the service', async () => {
    const own = await at.ownToken()
    const lifeOf = async (lifeSecondsMax: number, token = own) =>
      (await tokenOf(await at.exchange(await at.addAssumption({ lifeSecondsMax }), token))).expires_in
    expect(await lifeOf(60)).toBe(60)
    expect(await lifeOf(86_400)).toBeLessThanOrEqual(900)
    const soon = await at.addLabKey({ expiresAt: clock() + 30_500 })
    const shortLived = await at.ownToken(soon)
    const answer = await tokenOf(await at.exchange(await at.addAssumption(), shortLived, {}, soon))
    expect(answer.expires_in).toBeLessThanOrEqual(31)
  })

  test('the addresses of the key hold for it, and whether it is of a test key', async () => {
    const bound = await at.addLabKey({ cidrs: ['127.0.0.0/8'], environment: 'test' })
    const response = await at.exchange(await at.addAssumption(), await at.ownToken(bound), {}, bound)
    expect(await claimsOf(response)).toMatchObject({ cidrs: ['127.0.0.0/8'], env: 'test' })
  })

  test('it may be narrowed, to what the role holds', async () => {
    const assumption = await at.addAssumption({ role: 'desk' })
    const own = await at.ownToken()
    const narrowed = await at.exchange(assumption, own, { scope: 'invoices:read' })
    expect(await tokenOf(narrowed.clone() as Response)).toMatchObject({ scope: 'invoices:read' })
    expect(await claimsOf(narrowed)).toMatchObject({ roles: ['desk'], scope: 'invoices:read' })
    // What the key's own role, nurse, holds plays no part, either way.
    const readers = await at.addAssumption({ role: 'patients:read' })
    for (const scope of ['invoices:read', 'zzz', 'patients:read zzz', 'openid'])
      expect(await toldIn(await at.exchange(readers, own, { scope }))).toContain('"error":"invalid_scope"')
  })

  test('names that RFC 8693 allows, and no others, may say for whom it is', async () => {
    const [assumption, own] = [await at.addAssumption(), await at.ownToken()]
    const { audience } = at.service
    for (const more of [{ audience }, { resource: audience }, { requested_token_type: accessTokenType }])
      expect((await at.exchange(assumption, own, more)).status).toBe(200)
    for (const more of [{ audience: at.issuer }, { resource: 'https://elsewhere.example' }])
      expect(await toldIn(await at.exchange(assumption, own, more))).toContain('"error":"invalid_target"')
  })

  test('what a client sends of itself beside that changes nothing', async () => {
    const assumption = await at.addAssumption({ tags: { ward: ['north'] } })
    const claims = JSON.stringify({ ward: ['south'], sub: 'usr_1', org_id: at.lab.id, roles: ['desk'] })
    const smuggled = {
      ...{ tags: claims, claims, act: claims, org_id: at.operator.id, roles: 'desk', sub: 'usr_1' },
      ...{ ver: '{}', exp: '9999999999', expires_in: '86400', tag: 'ward=south', role: 'desk' },
    }
    const token = await claimsOf(await at.exchange(assumption, await at.ownToken(), smuggled))
    expect(token).toMatchObject({
      ...{ sub: at.labKey.key.id, org_id: at.organization.id, roles: ['patients:read'] },
      ...{ tags: { ward: ['north'] }, act: { sub: at.labKey.key.id, org_id: at.lab.id } },
    })
    expect((token.exp ?? 0) - (token.iat ?? 0)).toBe(600)
  })

  test('openid-client makes the exchange', async () => {
    const config = await client.discovery(
      new URL(at.issuer),
      at.labKey.key.id,
      undefined,
      client.ClientSecretBasic(at.labKey.secret),
      { execute: [client.allowInsecureRequests] },
    )
    const assumption = await at.addAssumption()
    const answer = await client.genericGrantRequest(config, tokenExchange, {
      ...{ subject_token: await at.ownToken(), subject_token_type: accessTokenType },
      assumption: assumption.id,
    })
    expect(answer).toMatchObject({ issued_token_type: accessTokenType, token_type: 'bearer' })
  })
})

describe('a person of the organization that assumes', () => {
  test('does so through a key of it: never beyond what they let it do, and by their own sign-in', async () => {
    const app = await addLabApp()
    const { user, token } = await personThrough(app)
    const assumption = await at.addAssumption({ role: 'desk', principals: [user.id] })
    const claims = await claimsOf(await at.exchange(assumption, token, {}, app))
    expect(claims).toMatchObject({
      ...{ sub: user.id, client_id: app.key.id, act: { sub: user.id, org_id: at.lab.id } },
      ...{ org_id: at.organization.id, roles: ['desk'], scope: 'patients:read' },
      ...{ grant_id: expect.stringMatching(/^gra_/), auth_time: expect.any(Number) },
      ver: {
        ...{ [assumption.id]: 9, [at.organization.id]: 3, [at.lab.id]: 4 },
        ...{ [user.id]: 5, [app.key.id]: 2 },
      },
    })
    expect(Object.keys(claims['ver'] as object)).toHaveLength(5)
    const more = await at.exchange(assumption, token, { scope: 'invoices:read' }, app)
    expect(await toldIn(more)).toContain('"error":"invalid_scope"')
  })

  test('gets nothing where they let the app do nothing at the API', async () => {
    const app = await addLabApp()
    const { token } = await personThrough(app, 'openid')
    expect(await toldIn(await at.exchange(await at.addAssumption(), token, {}, app))).toEqual(noSubject)
  })

  test('does not through an app of another organization: what is delegated is not exchanged', async () => {
    const theirs = await at.addKey({ redirectUris: [appUri] })
    const { token } = await personThrough(theirs)
    for (const app of [theirs, await addLabApp()])
      expect(await toldIn(await at.exchange(await at.addAssumption(), token, {}, app))).toEqual(noSubject)
  })
})

describe('a subject token is refused, and nobody is told more,', () => {
  const refused: readonly (readonly [string, () => Promise<readonly [string, IssuedKey]>])[] = [
    [
      'of another key of the same organization',
      async () => [await at.ownToken(await at.addLabKey()), at.labKey],
    ],
    [
      'of a key of the organization that has the role',
      async () => [await at.ownToken(await at.addKey()), at.labKey],
    ],
    [
      'that was assumed',
      async () => [
        (await tokenOf(await at.exchange(await at.addAssumption(), await at.ownToken()))).access_token,
        at.labKey,
      ],
    ],
    ['that is none', async () => ['eyJhbGciOiJub25lIn0.e30.', at.labKey]],
    ['that is empty text', async () => [' ', at.labKey]],
    ['whose signature is another', async () => [`${(await at.ownToken()).slice(0, -8)}AAAAAAAA`, at.labKey]],
    [
      'of another service',
      async () => {
        const other = await at.addService({
          slug: `s-${randomUUID().slice(0, 8)}`,
          audience: 'https://other.example',
        })
        const key = await at.addLabKey({ serviceId: other.id })
        const { access_token: token } = await tokenOf(
          await askToken({ issuer: `${at.origin}/${other.slug}` }, key),
        )
        return [token, at.labKey]
      },
    ],
    [
      'that was revoked',
      async () => {
        const token = await at.ownToken()
        const body = new URLSearchParams({ token })
        await fetch(`${at.issuer}/oauth/revoke`, { method: 'POST', headers: basic(at.labKey), body })
        return [token, at.labKey]
      },
    ],
    [
      'that has expired',
      async () => {
        const key = await at.addLabKey({ expiresAt: clock() + 2_100 })
        const token = await at.ownToken(key)
        await at.change(clientKeys, key.key, { expiresAt: clock() + 900_000 })
        await new Promise((resolve) => setTimeout(resolve, 2_200))
        return [token, key]
      },
    ],
  ]
  test.each(refused)('%s', async (_what, make) => {
    const [token, key] = await make()
    expect(await toldIn(await at.exchange(await at.addAssumption(), token, {}, key))).toEqual(noSubject)
  })
})

describe('a request is refused', () => {
  test.each<[string, Record<string, string | undefined>]>([
    ['without a subject token', { subject_token: undefined }],
    ['without its type', { subject_token_type: undefined }],
    ['with another type of it', { subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' }],
    ['without an assumption', { assumption: undefined }],
    ['with an actor', { actor_token: 'x', actor_token_type: accessTokenType }],
    ['with the type of an actor', { actor_token_type: accessTokenType }],
    ['for another type of token', { requested_token_type: 'urn:ietf:params:oauth:token-type:id_token' }],
  ])('%s: invalid_request', async (_what, more) => {
    const response = await at.exchange(await at.addAssumption(), await at.ownToken(), more)
    expect(await toldIn(response)).toContain('"error":"invalid_request"')
  })

  test('whose client is public: unauthorized_client', async () => {
    const open = await at.addLabKey({ authentication: { kind: 'none' }, redirectUris: [appUri] })
    const response = await fetch(`${at.issuer}/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        ...{ grant_type: tokenExchange, client_id: open.key.id },
        ...{ subject_token: await at.ownToken(), subject_token_type: accessTokenType },
        assumption: (await at.addAssumption()).id,
      }),
    })
    expect(await toldIn(response)).toContain('"error":"unauthorized_client"')
  })

  test('whose client does not prove itself, or is disabled: invalid_client', async () => {
    const [assumption, key] = [await at.addAssumption(), await at.addLabKey()]
    const own = await at.ownToken(key)
    const wrong = { ...key, secret: (await at.addLabKey()).secret }
    expect(await toldIn(await at.exchange(assumption, own, {}, wrong))).toContain('"error":"invalid_client"')
    await at.change(clientKeys, key.key, { state: { kind: 'disabled', disabledAt: clock() } })
    expect(await toldIn(await at.exchange(assumption, own, {}, key))).toContain('"error":"invalid_client"')
  })
})

describe('an assumption is as good as none', () => {
  const cases: readonly (readonly [string, string | undefined, () => Promise<Pick<Assumption, 'id'>>])[] = [
    ['that there is not', undefined, async () => ({ id: newId('asm') })],
    ['whose id is none', undefined, async () => ({ id: '__proto__' as Assumption['id'] })],
    [
      'of another service',
      undefined,
      async () => {
        const other = await at.addService({ slug: `s-${randomUUID().slice(0, 8)}` })
        return at.addAssumption({ serviceId: other.id })
      },
    ],
    [
      'for another organization',
      'wrong_organization',
      async () => at.addAssumption({ assumingOrganizationId: (await at.addOrganization()).id }),
    ],
    [
      'for others of the organization',
      'principal_not_named',
      async () => at.addAssumption({ principals: [newId('key'), newId('usr')] }),
    ],
    ['of a role that is not there any more', 'role_deleted', () => at.addAssumption({ role: newId('rol') })],
    [
      'of a service-defined role that is not there',
      'role_deleted',
      () => at.addAssumption({ role: 'surgeon' }),
    ],
    [
      "of another organization's role",
      'role_deleted',
      async () => at.addAssumption({ role: (await addRole([])).id, organizationId: at.operator.id }),
    ],
    [
      'of a suspended organization',
      'organization_suspended',
      async () => {
        const state = { kind: 'suspended', suspendedAt: clock(), reason: 'unpaid' } as const
        return at.addAssumption({ organizationId: (await at.addOrganization({ state })).id })
      },
    ],
    [
      'of a role that its organization may not use any more',
      'role_deleted',
      async () => {
        const { id: organizationId } = await at.addOrganization()
        const entitlement = { id: at.service.id, organizationId, version: 1, roles: ['invoices:read'] }
        await at.add(entitlements, entitlement)
        return at.addAssumption({ organizationId })
      },
    ],
  ]
  test.each(cases)('%s; whoever has it learns why', async (_what, reason, make) => {
    const assumption = await make()
    expect(await toldIn(await at.exchange(assumption, await at.ownToken()))).toBe(noAssumption)
    await at.activity.flush()
    const kept = await at.store.records.locate(assumptions, 'id', assumption.id, { limit: 1 })
    const told = await Promise.all(
      kept.map(({ organizationId, id }) =>
        listRefusals(at.store.counters, organizationId, id, { limit: 10 }),
      ),
    )
    expect(told.flat().map((one) => one.reason)).toEqual(reason === undefined ? [] : [reason])
  })
})

describe('what is told', () => {
  test('both audit trails tell of each exchange: who came, by what, and for how long', async () => {
    const assumption = await at.addAssumption()
    const token = await claimsOf(await at.exchange(assumption, await at.ownToken()))
    for (const { id } of [at.organization, at.lab]) {
      const found = await at.store.records.list(id, auditEvents, 'target', assumption.id, { limit: 10 })
      expect(found).toMatchObject([
        {
          type: 'assumption.assumed',
          by: { kind: 'key', id: at.labKey.key.id, organizationId: at.lab.id, address: '127.0.0.1' },
          details: {
            ...{ organization_id: at.organization.id, assuming_organization_id: at.lab.id },
            ...{ client_id: at.labKey.key.id, role: 'patients:read', token_id: token.jti },
          },
        },
      ])
    }
  })

  test('both count it: the key, and the assumption', async () => {
    const [assumption, key] = [await at.addAssumption(), await at.addLabKey()]
    const own = await at.ownToken(key)
    await tokenOf(await at.exchange(assumption, own, {}, key))
    await at.activity.flush()
    const { counters } = at.store
    expect((await counters.latest(at.organization.id, [usedMark(assumption.id)])).size).toBe(1)
    const [issued] = await counters.list(at.lab.id, `key:${key.key.id}:issued`, { limit: 1 })
    expect(issued?.count).toBe(2)
  })

  test("a refusal is in the key's activity", async () => {
    const key = await at.addLabKey()
    await at.exchange(await at.addAssumption(), 'x', {}, key)
    await at.exchange({ id: newId('asm') }, await at.ownToken(key), {}, key)
    await at.activity.flush()
    const told = await listRefusals(at.store.counters, at.lab.id, key.key.id, { limit: 10 })
    expect(told.map(({ reason }) => reason).toSorted()).toEqual(['invalid_target', 'subject_token_refused'])
  })

  test('nothing is handed out that could not be told', async () => {
    const [assumption, own] = [await at.addAssumption(), await at.ownToken()]
    vi.spyOn(at.deps, 'commit').mockRejectedValueOnce(new Error('the store is full'))
    const response = await at.exchange(assumption, own)
    expect(await toldIn(response)).toContain('"error":"server_error"')
  })
})

describe('it ends', () => {
  const taken = async (more: Partial<Assumption> = {}) => {
    const assumption = await at.addAssumption(more)
    const { access_token: token } = await tokenOf(await at.exchange(assumption, await at.ownToken()))
    expect(await at.introspect(token)).toMatchObject({ active: true, sub: at.labKey.key.id })
    return { assumption, token, own: at.labKey }
  }
  const ended = (token: string, key: IssuedKey) =>
    expect.poll(() => at.introspect(token, key)).toEqual({ active: false })

  test('with its own revocation, which both organizations are told', async () => {
    const { token } = await taken()
    const revoke = (key: IssuedKey) =>
      fetch(`${at.issuer}/oauth/revoke`, {
        ...{ method: 'POST', headers: basic(key), body: new URLSearchParams({ token }) },
      })
    await revoke(await at.addLabKey())
    expect(await at.introspect(token)).toMatchObject({ active: true })
    await revoke(at.labKey)
    expect(await at.introspect(token)).toEqual({ active: false })
    for (const { id } of [at.organization, at.lab]) {
      const [event] = await at.store.records.list(id, auditEvents, 'type', 'token.revoked', {
        ...{ limit: 1, order: 'newest_first' },
      })
      expect(event).toMatchObject({
        ...{ target: at.labKey.key.id, by: { organizationId: at.lab.id } },
        details: { token_id: decodeJwt(token).jti },
      })
    }
  })

  test('with the assumption', async () => {
    const { assumption, token, own } = await taken()
    await deleteAssumption(at.deps, by(), at.organization.id, assumption.id)
    await ended(token, own)
  })

  test('with a change of the assumption', async () => {
    const { assumption, token, own } = await taken()
    const change = { principals: [newId('key')] }
    await changeAssumption(at.deps, by(), granter, at.organization.id, assumption.id, change)
    await ended(token, own)
  })

  test('with a change of the role', async () => {
    const role = await addRole(['listPatients'])
    const { token, own } = await taken({ role: role.id })
    const allow = [{ operations: ['listInvoices'] }]
    await replaceRole(at.deps, by(), granter, at.organization.id, role.id, { ...role, allow })
    await ended(token, own)
  })

  test("with the person's consent, and with the person", async () => {
    const app = await addLabApp()
    for (const end of [
      async (id: UserId) => {
        const [consent] = await at.store.records.list(at.lab.id, consents, 'user', id, { limit: 1 })
        if (consent === undefined) throw new Error('there is no consent')
        await endConsent({ ...at.deps, destroyArtifacts: async () => {} }, by(), consent, 'given_back')
      },
      async (id: UserId) => {
        expect(await at.store.records.find(at.lab.id, users, id)).toBeDefined()
        await disableUser({ ...at.deps }, by(), at.lab.id, id)
      },
    ]) {
      const { user, token: own } = await personThrough(app)
      const response = await at.exchange(await at.addAssumption(), own, {}, app)
      const { access_token: token } = await tokenOf(response)
      expect(await at.introspect(token, app)).toMatchObject({ active: true, sub: user.id })
      await end(user.id)
      await ended(token, app)
    }
  })

  /** Where the client that has it cannot ask any more. */
  const hasEnded = (token: string) => {
    const { ver = {}, jti = '' } = decodeJwt<{ ver: Record<string, number> }>(token)
    const authorities = Object.entries(ver)
    return at.deps.endedTokens.has({ authorities, jti, roles: [], grantId: undefined, kid: '' })
  }

  test("with the key's disabling", async () => {
    const key = await at.addLabKey()
    const assumption = await at.addAssumption()
    const { access_token: token } = await tokenOf(
      await at.exchange(assumption, await at.ownToken(key), {}, key),
    )
    expect(hasEnded(token)).toBe(false)
    await disableClientKey(at.deps, by(), at.lab.id, key.key.id)
    await expect.poll(() => hasEnded(token)).toBe(true)
  })

  test('with the suspension of either organization', async () => {
    for (const isOwner of [true, false]) {
      const other = await at.addOrganization()
      const key = await at.addLabKey(isOwner ? {} : { organizationId: other.id })
      const assumption = await at.addAssumption(
        isOwner ? { organizationId: other.id } : { assumingOrganizationId: other.id },
      )
      const { access_token: token } = await tokenOf(
        await at.exchange(assumption, await at.ownToken(key), {}, key),
      )
      expect(hasEnded(token)).toBe(false)
      await suspendOrganization(at.deps, by(), other.id, { reason: 'unpaid' })
      await expect.poll(() => hasEnded(token)).toBe(true)
      expect((await at.exchange(assumption, await at.ownToken(), {})).status).toBe(400)
    }
  })
})

describe('DPoP (RFC 9449)', () => {
  async function holder() {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const jwk = await exportJWK(publicKey)
    const prove = () =>
      new SignJWT({ htm: 'POST', htu: `${at.issuer}/oauth/token`, jti: randomUUID() })
        .setIssuedAt()
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
        .sign(privateKey)
    return { thumbprint: await calculateJwkThumbprint(jwk), prove }
  }

  test('what is bound is exchanged by who holds the key alone, for what is bound to it, too', async () => {
    const [one, other] = [await holder(), await holder()]
    const { access_token: own } = await tokenOf(
      await askToken(at, at.labKey, {}, { DPoP: await one.prove() }),
    )
    const assumption = await at.addAssumption()
    const trying = (headers: Record<string, string>) => at.exchange(assumption, own, {}, at.labKey, headers)
    expect(await toldIn(await trying({}))).toContain('"error":"invalid_dpop_proof"')
    expect(await toldIn(await trying({ DPoP: await other.prove() }))).toEqual(noSubject)
    const proof = await one.prove()
    const answer = await trying({ DPoP: proof })
    expect(await tokenOf(answer.clone() as Response)).toMatchObject({ token_type: 'DPoP' })
    expect(await claimsOf(answer)).toMatchObject({ cnf: { jkt: one.thumbprint } })
    expect((await trying({ DPoP: proof })).status).toBe(400)
  })
})
