import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { parseId } from '../../src/ids.ts'
import type { Guard } from '../../src/sdk/guard.ts'
import { clinicBundle, type Issuer, makeIssuer } from './clinic-issuer.ts'
import { type Asked, closeServers, frameworks } from './frameworks.ts'
import { guardOf, type Held, heldBy } from './in-process.ts'
import { proofMaker } from './proof-maker.ts'

let issuer: Issuer
let guard: Guard
let held: Held
beforeAll(async () => {
  issuer = await makeIssuer()
  held = heldBy(clinicBundle(issuer))
  guard = guardOf(held, { dpop: { nonce: true }, resourceMetadata: { name: 'Clinic' } })
})
afterEach(closeServers)

/** What the API behind the guard answers: who called, and with what. */
function seen({ admission }: Asked): string {
  return JSON.stringify({
    who: admission?.caller?.id ?? 'nobody',
    operation: admission?.operation.id,
    parameters: admission?.parameters,
  })
}

/** These see only what is below their path; the document is for the outer app to serve. */
const mounted = ['Koa, mounted', 'Express 5']

describe.each(Object.entries(frameworks))('%s behind a guard', (name, begin) => {
  const start = () => begin({ guard, answer: seen })

  test('is handed the verified caller, the operation and its parameters', async () => {
    const call = await start()
    const reply = await call({ headers: { authorization: `Bearer ${await issuer.sign()}` } })
    expect(reply.status).toBe(200)
    expect(JSON.parse(reply.body)).toEqual({
      who: 'key_1',
      operation: 'getPatient',
      parameters: { patient: '7' },
    })
  })

  test('is not reached without a token, and the answer is a problem with a challenge', async () => {
    const call = await start()
    const reply = await call({})
    expect(reply.status).toBe(401)
    expect(reply.headers['www-authenticate']).toMatch(/^Bearer realm="clinic", resource_metadata="/)
    expect(reply.headers['content-type']).toBe('application/problem+json')
    expect(JSON.parse(reply.body)).toMatchObject({ status: 401, code: 'invalid_token' })
  })

  test('is not reached by what the role does not allow', async () => {
    const call = await start()
    const headers = { authorization: `Bearer ${await issuer.sign()}` }
    const reply = await call({ method: 'POST', path: '/v1/patients', headers })
    expect(reply.status).toBe(403)
    expect(JSON.parse(reply.body)).toMatchObject({ code: 'operation_not_in_role' })
  })

  test('has the id of the decision on its answer, allowed or refused', async () => {
    const call = await start()
    const headers = { authorization: `Bearer ${await issuer.sign()}` }
    const allowed = await call({ headers })
    const refused = await call({ method: 'POST', path: '/v1/patients', headers })
    const ids = [allowed, refused].map((reply) => String(reply.headers['x-decision-id']))
    expect(ids.map((id) => parseId('dec', id))).toEqual(ids)
    expect(JSON.parse(refused.body)['decision_id']).toBe(ids[1])
    expect(ids[0]).not.toBe(ids[1])
  })

  test('is not reached with two Authorization headers', async () => {
    const call = await start()
    const authorization = [`Bearer ${await issuer.sign()}`, 'Bearer a.b.c']
    expect((await call({ headers: { authorization } })).status).toBe(400)
  })

  test('hands on the proof of a bound token, and the nonce that it needs (RFC 9449)', async () => {
    const call = await start()
    const maker = await proofMaker()
    const token = await issuer.sign({ cnf: { jkt: maker.thumbprint } })
    const htu = 'https://api.clinic.example/v1/patients/7'
    const send = async (nonce?: unknown, more: readonly string[] = []) => {
      const dpop = [await maker.prove(token, { htu, nonce }), ...more]
      return call({ headers: { authorization: `DPoP ${token}`, dpop } })
    }
    const refused = await send()
    expect(refused.status).toBe(401)
    expect(refused.headers['www-authenticate']).toContain('error="use_dpop_nonce"')
    const nonce = refused.headers['dpop-nonce']
    expect((await send(nonce, ['a.b.c'])).status).toBe(401)
    const reply = await send(nonce)
    expect(JSON.parse(reply.body)).toMatchObject({ who: 'key_1' })
    expect(reply.headers).not.toHaveProperty('dpop-nonce')
    held.nowMs += 60_000
    const next = (await send(nonce)).headers['dpop-nonce']
    held.nowMs -= 60_000
    expect(next).toMatch(/^[\w-]{43}$/)
  })

  test('answers what is public to anybody', async () => {
    const call = await start()
    expect(JSON.parse((await call({ path: '/v1/prices' })).body)).toMatchObject({ who: 'nobody' })
  })

  test('gives the API’s metadata to anybody, where challenges say they are (RFC 9728 §3 and §5)', async () => {
    const call = await start()
    const challenge = String((await call({})).headers['www-authenticate'])
    const url = /resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? ''
    expect(url).toBe('https://api.clinic.example/.well-known/oauth-protected-resource/v1')
    const path = new URL(url).pathname
    if (mounted.includes(name)) return
    const reply = await call({ path })
    expect(reply.status).toBe(200)
    expect(reply.headers['content-type']).toMatch(/^application\/json/)
    expect(reply.headers['access-control-allow-origin']).toBe('*')
    expect(JSON.parse(reply.body)).toEqual((await guard.resourceMetadata())?.document)
    expect(JSON.parse(reply.body)).toMatchObject({ resource_name: 'Clinic' })
    const preflight = { origin: 'https://app.example', 'access-control-request-method': 'GET' }
    expect((await call({ path, method: 'OPTIONS', headers: preflight })).status).toBe(204)
    expect((await call({ path, method: 'POST' })).status).toBe(405)
    expect((await call({ path: `${path}/else` })).status).toBe(401)
  })

  test('answers a CORS preflight itself, and no other OPTIONS', async () => {
    const call = await start()
    const preflight = { origin: 'https://app.example', 'access-control-request-method': 'GET' }
    expect((await call({ method: 'OPTIONS', headers: preflight })).status).toBe(200)
    expect((await call({ method: 'OPTIONS' })).status).toBe(401)
  })
})

test('a fetch handler’s answer that cannot be copied goes out as it is', async () => {
  const handle = guard.fetch(() => Response.error())
  const headers = { authorization: `Bearer ${await issuer.sign()}` }
  expect((await handle(new Request('https://api.example/v1/patients/7', { headers }))).type).toBe('error')
})
