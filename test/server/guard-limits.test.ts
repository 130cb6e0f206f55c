import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { send, tokenOf } from './client.ts'
import { type Deployment, startDeployment } from './deployment.ts'

const callsPerMinute = 300

let deployment: Deployment
beforeAll(async () => {
  deployment = await startDeployment({ guardCallsPerMinute: callsPerMinute })
  await deployment.operator.importClinic()
  await deployment.operator.importClinic('desk')
  const clinic = `/organizations/${deployment.operator.organizationId}/services/clinic`
  await deployment.operator.do('PATCH', clinic, { resources: 'latchkey' })
})
afterAll(() => deployment?.stop())

const request = { method: 'GET', path: '/patients/p1' }
const principal = { id: 'key_01jz8x6v0kq3m5n7p9r1s3t5v7' }
const evaluation = { action: { name: 'getPatient' }, resource: { type: 'patient', id: 'p1' } }
const subject = { type: 'key', id: principal.id }

async function newGuard() {
  const { operator, address } = deployment
  const key = await operator.makeGuardKey()
  const tokens = [await tokenOf(address, key), await tokenOf(address, key)] as const
  return (path: string, body?: object, token: string = tokens[0]) =>
    send(address, body === undefined ? 'GET' : 'POST', `/clinic/${path}`, { token, body }).then((reply) => ({
      ...reply,
      token: tokens[1],
    }))
}

describe('what guards ask is counted for each of their keys', () => {
  test.each([
    ['a call as one', 'decide', { principal, request }, 1],
    ['each request of a batch', 'decide', { principal, requests: Array(250).fill({ request }) }, 250],
    [
      'each of several evaluations',
      'access/v1/evaluations',
      { subject, evaluations: Array(50).fill(evaluation) },
      50,
    ],
    ['a search as a hundred', 'access/v1/search/subject', { ...evaluation, subject: { type: 'key' } }, 100],
    [
      'a list of what can be reached as a hundred',
      `resources/reachable?principal=${principal.id}`,
      undefined,
      100,
    ],
    ['facts as one', 'facts', { roles: [] }, 1],
    ['the bundle as one', 'bundle', undefined, 1],
  ])('%s', async (_what, path, body, counted) => {
    const ask = await newGuard()
    const reply = await ask(path, body)
    expect(reply.status, reply.text).toBe(200)
    expect(reply.headers.get('ratelimit-policy')).toBe(`"key";q=${callsPerMinute};w=60`)
    expect(reply.headers.get('ratelimit')).toMatch(new RegExp(`^"key";r=${callsPerMinute - counted};t=`))
  })

  test('and refused with when to come again once that is too much, whichever its token, but no other key', async () => {
    const [ask, other] = [await newGuard(), await newGuard()]
    const batch = { principal, requests: Array(callsPerMinute).fill({ request }) }
    const { status, token } = await ask('decide', batch)
    expect(status).toBe(200)
    for (const reply of [await ask('bundle'), await ask('decide', { principal, request }, token)]) {
      expect(reply.json).toMatchObject({ status: 429, code: 'rate_limited' })
      expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(reply.headers.get('ratelimit')).toMatch(/^"key";r=0;t=/)
    }
    expect((await other('decide', batch)).status).toBe(200)
    const tooMuch = { principal, requests: Array(callsPerMinute + 1).fill({ request }) }
    expect((await (await newGuard())('decide', tooMuch)).status).toBe(429)
  })
})

describe('what is refused is counted for its caller, too', () => {
  test.each([
    ['a guard of another service', () => deployment.operator.makeGuardKey('desk'), 404],
    [
      'a key whose role has no part in it',
      async () => {
        const { operator } = deployment
        const role = 'organization-viewer'
        return operator.makeKey(await operator.makeOrganization(), { service: 'latchkey', role })
      },
      403,
    ],
  ])('%s', async (_who, makeKey, status) => {
    const { address } = deployment
    const token = await tokenOf(address, await makeKey())
    const ask = () => send(address, 'GET', '/clinic/bundle', { token })
    const first = await ask()
    expect(first.status).toBe(status)
    expect(first.headers.get('ratelimit')).toMatch(new RegExp(`^"key";r=${callsPerMinute - 1};t=`))
    await Promise.all(Array.from({ length: callsPerMinute - 1 }, ask))
    expect((await ask()).json).toMatchObject({ status: 429, code: 'rate_limited' })
  })
})

test('a method that an endpoint does not take is answered with those that it takes', async () => {
  const { address, operator } = deployment
  const token = await tokenOf(address, await operator.makeGuardKey())
  const { headers, json } = await send(address, 'DELETE', '/clinic/facts', { token })
  expect(json).toMatchObject({ status: 405, code: 'method_not_allowed', fix: 'Use POST.' })
  expect(headers.get('allow')).toBe('POST')
})
