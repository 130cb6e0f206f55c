import { generateKeyPairSync, sign } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { guardOperations } from '../../src/decisions/api/guard-operations.ts'
import { type Key, type Reply, send, tokenOf } from './client.ts'
import { type Deployment, startDeployment } from './deployment.ts'

/** As at the token endpoint. */
const wrongPerMinute = 3_000

let deployment: Deployment
let guardKey: Key
let used: string
beforeAll(async () => {
  deployment = await startDeployment({ trustedProxies: 1 })
  const { operator, address } = deployment
  await operator.importClinic()
  guardKey = await operator.makeGuardKey()
  used = await tokenOf(address, guardKey)
})
afterAll(() => deployment?.stop())

const call = (
  from: string,
  method: string,
  path: string,
  token: string | undefined,
  body?: object,
): Promise<Reply> =>
  send(deployment.address, method, path, { token, body, headers: { 'x-forwarded-for': from } })
const ask = (from: string, token: string | undefined) =>
  call(from, 'POST', '/clinic/facts', token, { roles: [] })

/** Sends so many wrong tokens from an address; how often each status was answered. */
async function flood(from: string, count: number): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {}
  const sender = async (_: unknown, nth: number) => {
    for (let i = nth; i < count; i += sendersAtOnce) {
      const { status } = await ask(from, `wrong.wrong.wrong${i}`)
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: sendersAtOnce }, sender))
  return statuses
}
const sendersAtOnce = 50

const endpoints = guardOperations.map(
  ({ method, path }) => [method, path.replace('{service}', 'clinic')] as const,
)

describe('an address that has sent too many wrong tokens to guards’ endpoints', () => {
  const flooded = '192.0.2.1'
  beforeAll(async () => {
    // Whose key the node has not seen yet: it comes for the first time when the address is spent.
    expect(await flood(flooded, wrongPerMinute)).toEqual({ 401: wrongPerMinute })
  }, 60_000)

  test.each(endpoints)('is told at each of them when to come again: %s %s', async (method, path) => {
    for (const token of ['wrong.wrong.wrong', undefined]) {
      const reply = await call(flooded, method, path, token)
      expect(reply.json).toMatchObject({
        status: 429,
        code: 'rate_limited',
        fix: expect.stringMatching(/^Wait \d+ s/),
      })
      expect(reply.headers.get('content-type')).toMatch('application/problem+json')
      const seconds = Number(reply.headers.get('retry-after'))
      expect(seconds).toBeGreaterThan(0)
      expect(seconds).toBeLessThanOrEqual(60)
      expect(reply.headers.get('ratelimit')).toBe(`"address-failures";r=0;t=${seconds}`)
      expect(reply.headers.get('ratelimit-policy')).toBe(`"address-failures";q=${wrongPerMinute};w=60`)
      expect((await call('192.0.2.2', method, path, token)).status).toBe(401)
    }
  })

  test('is served with every good token, whether it was seen before, is new, or of a key that is', async () => {
    const { operator, address } = deployment
    const fresh = await tokenOf(address, guardKey)
    const ofNewKey = await tokenOf(address, await operator.makeGuardKey())
    for (const token of [used, fresh, ofNewKey, used]) expect((await ask(flooded, token)).status).toBe(200)
  })

  test('is told so of tokens that only say whose they are', async () => {
    const [header, payload, signature = ''] = used.split('.')
    const tampered = `${header}.${payload}.${signature.slice(0, -8)}AAAAAAAA`
    expect((await ask('192.0.2.2', tampered)).status).toBe(401)
    expect((await ask(flooded, tampered)).status).toBe(429)
    expect((await ask(flooded, forged({ sub: 'key_01jz8x6v0kq3m5n7p9r1s3t5v7' }))).status).toBe(429)
    expect((await ask(flooded, forged({ sub: [guardKey.id] }))).status).toBe(429)
    expect((await ask(flooded, forged({}))).status).toBe(429)
  })

  test('is told so of good tokens of others than guards, which nothing is verified for', async () => {
    const { operator, address } = deployment
    const token = await tokenOf(address, operator.key)
    expect((await ask('192.0.2.2', token)).status).toBe(404)
    expect((await ask(flooded, token)).status).toBe(429)
  })

  test('hears that a token has ended, so that its guard gets another', async () => {
    const { operator, address } = deployment
    const key = await operator.makeGuardKey()
    const token = await tokenOf(address, key)
    expect((await ask(flooded, token)).status).toBe(200)
    const path = `/organizations/${operator.organizationId}/keys/${key.id}`
    await operator.do('POST', `${path}/disable`, {})
    await operator.do('POST', `${path}/enable`, {})
    expect((await ask(flooded, token)).status).toBe(401)
    expect((await ask(flooded, await tokenOf(address, key))).status).toBe(200)
  })
})

/** Signed as it should be, by a key of the sender's own. */
function forged(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg: 'ES256', typ: 'at+jwt', kid: 'none' })}.${part(claims)}`
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return `${text}.${sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}
