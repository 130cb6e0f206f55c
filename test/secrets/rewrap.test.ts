import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { recorder } from '../../src/audit/record.ts'
import { rewrapClientKeys } from '../../src/client-keys/rewrap-client-keys.ts'
import { newIdFrom } from '../../src/ids.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import { rewrapSecrets } from '../../src/secrets/rewrap-secrets.ts'
import { rewrapSigningKeys } from '../../src/services/rewrap-signing-keys.ts'
import type { CommitChanges } from '../../src/storage/ports.ts'
import { runLatchkey } from '../cli/run-latchkey.ts'
import { idOf, newSecret, openFolder } from './rotating.ts'

const [old, fresh] = [newSecret(), newSecret()]
let at: Awaited<ReturnType<typeof openFolder>>
beforeEach(async () => {
  at = await openFolder()
})
afterEach(() => at.remove())

/** A deployment under the old secret alone: a service, and that many keys beside one made over HTTP. Nothing runs. */
async function underOld(more: number) {
  const node = await at.start(old)
  const serviceId = await node.addShop('shop')
  const key = await node.addKey('shop')
  await node.stop()
  return { key, serviceId, keys: [key, ...(await at.addKeys(old, serviceId, more))] }
}

test('a deployment secret is exchanged without an outage, and without an owner of a key', async () => {
  const first = await at.start(old)
  await first.addShop('shop')
  const key = await first.addKey('shop')
  const tokenBefore = await first.tokenOf('shop', key)
  const operatorsBefore = await first.tokenOf('latchkey', await at.operator())
  await first.stop()

  const both = await at.start(fresh, old)
  const later = await both.addKey('shop')
  await both.tokenOf('shop', key)
  const rewrapped = await both.rewrap()
  expect(rewrapped).toMatchObject({
    status: 200,
    // The service `latchkey` and the shop; the operator's key and the shop's first.
    body: { newest: idOf(fresh), moved: { services: 2, client_keys: 2 }, left: 0, unneeded: [idOf(old)] },
  })
  expect(at.dump()).not.toContain(`v1$${idOf(old)}$`)
  await both.tokenOf('shop', key)
  await both.stop()

  const alone = await at.start(fresh)
  for (const one of [key, later]) {
    const token = await alone.tokenOf('shop', one)
    expect(decodeProtectedHeader(token).kid).toBe(decodeProtectedHeader(tokenBefore).kid)
  }
  const jwks = createRemoteJWKSet(new URL(`${alone.address}/shop/oauth/jwks`))
  await jwtVerify(tokenBefore, jwks)
  // A guard, that of the management API, takes a token from before all this.
  expect(await alone.call('GET', '/secrets', undefined, operatorsBefore)).toMatchObject({
    status: 200,
    body: { items: [{ id: idOf(fresh), state: 'newest', sealed: { services: 2, client_keys: 3 } }] },
  })
  await alone.stop()

  const refused = await at.start(old).catch((error: unknown) => error)
  expect(String(refused)).toContain(idOf(fresh))
  expect(String(refused)).toContain('LATCHKEY_SECRETS')
})

test('while anything is sealed under the old secret, no server starts without it', async () => {
  await underOld(0)
  const both = await at.start(fresh, old)
  expect((await both.call('GET', '/secrets')).body).toEqual({
    items: [
      expect.objectContaining({
        id: idOf(fresh),
        state: 'newest',
        sealed: expect.objectContaining({ services: 0, client_keys: 0 }),
      }),
      expect.objectContaining({
        id: idOf(old),
        state: 'older',
        sealed: expect.objectContaining({ services: 2, client_keys: 2 }),
      }),
    ],
  })
  await both.stop()
  await expect(at.start(fresh)).rejects.toThrow(idOf(old))
})

test('servers that have the new secret behind and in front work side by side', async () => {
  await underOld(0)
  const behind = await at.start(old, fresh)
  const inFront = await at.start(fresh, old)
  const key = await inFront.addKey('shop')
  await behind.tokenOf('shop', key)
  // It would seal everything under the old one again.
  expect(await behind.rewrap()).toMatchObject({ status: 409, body: { code: 'conflict' } })
  expect((await inFront.rewrap()).body).toMatchObject({ left: 0 })
  await behind.tokenOf('shop', key)
  expect(await behind.rewrap()).toMatchObject({ status: 409 })
})

test('the audit trail of the operator tells of it once, and a repeat that finds nothing to do is not told', async () => {
  await underOld(120)
  const both = await at.start(fresh, old)
  await both.rewrap()
  expect((await both.rewrap()).body).toMatchObject({ moved: { services: 0, client_keys: 0 }, left: 0 })
  const { organization_id } = await at.operator()
  const trail = `/organizations/${organization_id}/audit-events?type=deployment.secrets_rewrapped`
  expect((await both.call('GET', trail)).body).toMatchObject({
    items: [{ details: { moved: { services: 2, client_keys: 122 }, unneeded: [idOf(old)] } }],
  })
})

describe('rewrapping', () => {
  test('that was interrupted after a page is finished by the next', async () => {
    const { keys } = await underOld(230)
    const both = await at.start(fresh, old)
    await both.stop()
    await expect(interruptedRewrap()).rejects.toThrow('the machine stopped')
    expect(at.dump()).toContain(`v1$${idOf(old)}$`)
    await expect(at.start(fresh)).rejects.toThrow(idOf(old))

    const again = await at.start(fresh, old)
    expect((await again.rewrap()).body).toMatchObject({ moved: { services: 0, client_keys: 132 }, left: 0 })
    await again.stop()
    const alone = await at.start(fresh)
    for (const key of keys.filter((_, i) => i % 20 === 0)) await alone.tokenOf('shop', key)
  })

  test('at two servers at once ends well, each document moved once', async () => {
    await underOld(300)
    const nodes = [await at.start(fresh, old), await at.start(fresh, old)]
    const answers = await Promise.all(nodes.map((node) => node.rewrap()))
    expect(answers.map(({ status, body }) => [status, body['left']])).toEqual([
      [200, 0],
      [200, 0],
    ])
    const moved = answers.map(({ body }) => (body['moved'] as Record<string, number>)['client_keys'] ?? 0)
    expect(moved.reduce((all, one) => all + one, 0)).toBe(302)
    expect(at.dump()).not.toContain(`v1$${idOf(old)}$`)
    for (const node of nodes) await node.stop()
    await at.start(fresh)
  })

  test('is the operator’s alone', async () => {
    const node = await at.start(old)
    const { body } = await node.call('POST', '/organizations', { name: 'Riverside' })
    const customers = await node.addKey('latchkey', 'organization-admin', body['id'])
    const token = await node.tokenOf('latchkey', customers)
    for (const [method, path] of [
      ['GET', '/secrets'],
      ['POST', '/secrets/rewrap'],
    ] as const)
      expect((await node.call(method, path, undefined, token)).status).toBe(403)
  })
})

describe('latchkey secrets', () => {
  test('rewraps, and says what to do next', async () => {
    await underOld(0)
    const both = await at.start(fresh, old)
    const { client_secret } = await at.operator()
    const latchkey = (...args: readonly string[]) =>
      runLatchkey([...args, '--server', both.address], { env: { LATCHKEY_CLI_KEY: client_secret } })
    expect((await latchkey('secrets', 'list')).stdout).toContain('run `latchkey secrets rewrap`')
    const rewrapped = await latchkey('secrets', 'rewrap')
    expect(rewrapped).toMatchObject({ code: 0, stderr: '' })
    expect(rewrapped.stdout).toContain(`Nothing is sealed under ${idOf(old)} any more`)
    expect(rewrapped.stdout).toContain('leave only the first secret in LATCHKEY_SECRETS')
    const listed = await latchkey('secrets', 'list')
    expect(listed.stdout).toContain('Only the newest is needed')
    expect(listed.stdout).not.toContain(old)
    const asJson = await latchkey('secrets', 'list', '--json')
    expect(JSON.parse(asJson.stdout)).toMatchObject({ items: [{ id: idOf(fresh) }, { id: idOf(old) }] })
  })
})

/** The first two pages are written (the services, then a hundred keys); then the process is gone. */
async function interruptedRewrap(): Promise<unknown> {
  const clock = () => Date.now()
  const random = (count: number) => crypto.getRandomValues(new Uint8Array(count))
  const store = await openSqlite({ path: at.file, clock })
  const secrets = deploymentSecrets([fresh, old], random)
  let pages = 0
  const commit: CommitChanges = async (changes) => {
    pages += 1
    if (pages > 2) throw new Error('the machine stopped')
    await store.commit(changes)
  }
  const deps = { records: store.records, secrets, commit }
  const { organization_id } = await at.operator()
  const by = { kind: 'system', id: 'test', organizationId: organization_id, requestId: 'req_1' } as const
  try {
    return await rewrapSecrets(
      {
        ...deps,
        commit: recorder(commit, clock, newIdFrom(clock, random)),
        rewraps: [rewrapSigningKeys(deps), rewrapClientKeys(deps)],
      },
      by,
    )
  } finally {
    await store.close()
  }
}
