import { afterAll, describe, expect, test } from 'vitest'
import { type Reply, send, tokenOf } from './client.ts'
import { startClinicWithPatients } from './clinic-with-patients.ts'
import { itemsOf } from './operations.ts'
import { addPerson } from './people.ts'

const clinic = await startClinicWithPatients({ decisionLog: 'all' })
const { deployment, guardKey, guardToken, ours, theirs, reader } = clinic
afterAll(() => deployment.stop())
const { address, operator } = deployment
const guard = await operator.guard(guardKey)
afterAll(() => guard.close())
const readerToken = await tokenOf(address, reader, 'clinic')
await clinic.tell(
  { path: '/patients/p1', organization: ours },
  { path: '/patients/p2', organization: theirs },
)

function decide(body: object, token: string | undefined = guardToken): Promise<Reply> {
  return send(address, 'POST', '/clinic/decide', { token, body })
}
const get = (path: string) => ({ method: 'GET', path })

describe('POST /{service}/decide', () => {
  test.each([
    ['GET', '/patients/p1', 'allowed'],
    ['GET', '/patients/p2', 'unknown_resource'],
    ['GET', '/patients/p3', 'unknown_resource'],
    ['PUT', '/patients/p1', 'operation_not_in_role'],
    ['GET', '/status', 'public'],
    ['GET', '/nothing', 'unknown_operation'],
    ['DELETE', '/patients', 'method_not_allowed'],
    ['GET', '/patients//p1', 'ambiguous_path'],
  ])('answers %s %s as a guard does: %s', async (method, path, reason) => {
    const byToken = await decide({ token: readerToken, request: { method, path } })
    const authorization = `Bearer ${readerToken}`
    const guarded = await guard.check({ method, url: path, authorization })
    expect([byToken.status, byToken.json['reason'], guarded.reason]).toEqual([200, reason, reason])
    expect(byToken.json['allowed']).toBe(guarded.allowed)
    const byName = await decide({ principal: { id: reader.id }, request: { method, path } })
    expect({ ...byName.json, decision_id: '' }).toEqual({ ...byToken.json, decision_id: '' })
  })

  test('says what was decided about, and under which id it is recorded', async () => {
    const reply = await decide({ token: readerToken, request: get('/patients/p1?a=b') })
    const id = String(reply.json['decision_id'])
    expect(reply.json).toEqual({
      ...{ allowed: true, reason: 'allowed', operation: 'getPatient', parameters: { patientId: 'p1' } },
      ...{ decision_id: id, role: 'patients:read' },
    })
    expect(reply.headers.get('x-decision-id')).toBe(id)
    const recorded = async () =>
      itemsOf((await operator.do('GET', `/organizations/${ours}/decisions?decision=${id}`)).text)
    await expect
      .poll(recorded, { timeout: 5_000 })
      .toMatchObject([
        { id, outcome: 'allowed', operation: 'getPatient', principal: { kind: 'key', id: reader.id } },
      ])
  })

  test('answers several in their order, each by itself', async () => {
    const requests = [
      { request: get('/patients/p2') },
      { principal: { id: 'key_gone' }, request: get('/patients/p1') },
      { request: get('/patients/p1') },
    ]
    const { json } = await decide({ token: readerToken, requests })
    expect(json['decisions']).toMatchObject([
      { reason: 'unknown_resource' },
      { reason: 'invalid_token', detail: expect.stringContaining('Nobody of this name') },
      { reason: 'allowed' },
    ])
    const many = Array.from({ length: 1_000 }, (_, i) => ({ request: get(`/patients/p${i % 3}`) }))
    const all = await decide({ token: readerToken, requests: many })
    const reasons = JSON.parse(all.text).decisions.map(({ reason }: { reason: string }) => reason)
    expect(reasons).toEqual(many.map((_, i) => (i % 3 === 1 ? 'allowed' : 'unknown_resource')))
    expect((await decide({ token: readerToken, requests: [...many, many[0]] })).status).toBe(400)
  })

  test('a person acts themselves, or through an app within its scope', async () => {
    const { id } = await addPerson(operator, ours, 'wren@harbour.example')
    const by = (scope?: readonly string[]) =>
      decide({ principal: { id, ...(scope && { scope }) }, request: get('/patients/p1') })
    expect((await by()).json).toMatchObject({ reason: 'allowed', role: 'patients:read' })
    expect((await by(['patients:read'])).json['reason']).toBe('allowed')
    for (const scope of [['appointments:read'], []])
      expect((await by(scope)).json).toMatchObject({
        ...{ reason: 'insufficient_scope', needed_scopes: ['patients:read'] },
      })
  })

  test('whoever may not come now is nobody: who is only invited, and a key that is disabled', async () => {
    const user = await operator.makeUser(ours, {
      roles: [{ service: 'clinic', role: 'patients:read' }],
    })
    const invited = await decide({ principal: { id: user }, request: get('/patients/p1') })
    expect(invited.json).toMatchObject({ allowed: false, reason: 'invalid_token' })
    const key = await operator.makeKey(ours, { role: 'patients:read' })
    await operator.do('POST', `/organizations/${ours}/keys/${key.id}/disable`)
    const disabled = await decide({ principal: { id: key.id }, request: get('/patients/p1') })
    expect(disabled.json).toMatchObject({ allowed: false, reason: 'invalid_token' })
  })

  test.each([
    ['not a token', 'x'],
    ['one of another service', guardToken],
    ['one that was changed', `${readerToken.slice(0, -8)}AAAAAAAA`],
  ])('%s is invalid_token, and says why', async (_, token) => {
    const { json } = await decide({ token, request: get('/patients/p1') })
    expect(json).toMatchObject({ allowed: false, reason: 'invalid_token', operation: 'getPatient' })
    expect(json['detail']).toEqual(expect.any(String))
    expect((await decide({ token, request: get('/status') })).json['reason']).toBe('public')
  })

  test('a revoked token, a changed role and a test key are seen at once', async () => {
    const key = await operator.makeKey(ours, { role: 'patients:read' })
    const token = await tokenOf(address, key, 'clinic')
    const asked = { token, request: get('/patients/p1') }
    expect((await decide(asked)).json['reason']).toBe('allowed')
    await operator.do('PUT', `/organizations/${ours}/keys/${key.id}/role`, { role: 'appointments:read' })
    // The node hears of it from the feed, as guards do.
    await expect.poll(async () => (await decide(asked)).json['reason']).toBe('token_revoked')
    const named = await decide({ principal: { id: key.id }, request: get('/patients/p1') })
    expect(named.json['reason']).toBe('operation_not_in_role')
    const tester = await operator.makeKey(ours, { role: 'patients:read', environment: 'test' })
    const principal = { id: tester.id }
    expect((await decide({ principal, request: get('/patients/p1') })).json['reason']).toBe('invalid_token')
    const taken = await decide({ principal, accept_test_keys: true, request: get('/patients/p1') })
    expect(taken.json['reason']).toBe('allowed')
  })

  test.each([
    ['nobody', { request: get('/') }, '/token'],
    ['two at once', { token: 'x', principal: { id: 'x' }, request: get('/') }, '/token'],
    ['nothing asked', { token: 'x' }, '/request'],
    ['one and several', { token: 'x', request: get('/'), requests: [{ request: get('/') }] }, '/request'],
    ['one of several without a subject', { requests: [{ request: get('/') }] }, '/requests/0/token'],
    ['a request without a path', { token: 'x', request: { method: 'GET' } }, '/request/path'],
    ['a body twice', { token: 'x', request: { ...get('/'), body: 1, body_text: '1' } }, '/request/body_text'],
    [
      'an organization',
      { principal: { id: 'x', organization: 'y' }, request: get('/') },
      '/principal/organization',
    ],
  ])('refuses a body with %s, and says where', async (_, body, pointer) => {
    const { status, json } = await decide(body)
    expect(status).toBe(400)
    expect(json['errors']).toContainEqual(expect.objectContaining({ pointer }))
  })

  test('is for a guard of the service alone', async () => {
    const body = { token: readerToken, request: get('/patients/p1') }
    expect((await send(address, 'POST', '/clinic/decide', { body })).status).toBe(401)
    expect((await decide(body, readerToken)).status).toBe(401)
    expect((await decide(body, await operator.token())).status).toBe(404)
  })
})
