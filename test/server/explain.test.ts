import { generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, describe, expect, test } from 'vitest'
import { type Reply, send, tokenOf } from './client.ts'
import { startClinicWithPatients } from './clinic-with-patients.ts'

const clinic = await startClinicWithPatients()
const { deployment, guardToken, ours, theirs, reader } = clinic
afterAll(() => deployment.stop())
const { address, operator } = deployment
const readerToken = await tokenOf(address, reader, 'clinic')
const tags = { team: ['core'] }
await clinic.tell(
  { path: '/patients/p1', organization: ours, tags },
  { path: '/patients/p2', organization: theirs, tags },
)

function explain(body: object, token: string = guardToken): Promise<Reply> {
  return send(address, 'POST', '/clinic/explain', { token, body })
}
const get = (path: string) => ({ method: 'GET', path })
const put = (path: string) => ({ method: 'PUT', path })
const texts = ({ json }: Reply) => {
  const changes = json['changes']
  return Array.isArray(changes) ? changes.map(({ text }) => text) : changes
}

describe('POST /{service}/explain', () => {
  test('tells what was tried for a token, and what would have it allowed', async () => {
    const reply = await explain({ token: readerToken, request: put('/patients/p1') })
    expect(reply.json).toMatchObject({
      decision: { allowed: false, reason: 'operation_not_in_role', role: null },
      principal: { kind: 'key', id: reader.id, organization_id: ours, roles: ['patients:read'] },
      token_findings: [],
      operations: [
        {
          ...{ operation: 'replacePatient', method: 'PUT', path: '/patients/{patientId}' },
          parameters: { patientId: 'p1' },
          resource: {
            names: ['/patients/{p1}'],
            standing: 'owned',
            registered: { owner: ours, tags: { team: ['core'] } },
          },
          sides: [{ kind: 'roles', allows: false, roles: [{ names: ['patients:read'], attempts: [] }] }, {}],
        },
      ],
    })
    expect(texts(reply)).toEqual([
      'give the key the role patients:write, and tag the key team=core',
      'give the key the role patients:write, and take the tag team from the resource /patients/p1',
    ])
  })

  test('answers by name and for who is made up as by token', async () => {
    const asked = { request: get('/patients/p1') }
    const byToken = await explain({ ...asked, token: readerToken })
    expect(byToken.json).toMatchObject({
      decision: { reason: 'tag_mismatch' },
      operations: [
        {
          sides: [
            {
              roles: [
                {
                  attempts: [
                    {
                      place: { kind: 'security', scopes: ['patients:read'] },
                      tags_unmatched: [
                        { key: 'team', needed: { values: ['core'] }, own: { kind: 'none', why: 'absent' } },
                      ],
                    },
                  ],
                },
              ],
            },
            {},
          ],
        },
      ],
    })
    const byName = await explain({ ...asked, principal: { id: reader.id } })
    expect(byName.json).toEqual(byToken.json)
    const madeUp = { organization: ours, roles: ['patients:read'] }
    const { principal, ...rest } = (await explain({ ...asked, made_up: madeUp })).json
    expect({ ...rest, principal: byName.json['principal'] }).toEqual(byName.json)
    expect(principal).toMatchObject({ id: 'key_made_up', organization_id: ours })
    const tagged = { ...madeUp, kind: 'user', tags: { Team: ['CORE'] } }
    expect((await explain({ ...asked, made_up: tagged })).json).toMatchObject({
      decision: { allowed: true, reason: 'allowed', role: 'patients:read' },
      changes: [],
    })
    const throughApp = await explain({ ...asked, made_up: { ...tagged, scope: ['openid'] } })
    expect(throughApp.json['decision']).toMatchObject({ reason: 'insufficient_scope' })
    expect(texts(throughApp)).toEqual(['add the scope patients:read'])
  })

  test('tells the part of a condition that failed, and names roles of the organization itself', async () => {
    const where = "$resourceTags:team = 'infra' AND $request:path:patientId LIKE 'p%'"
    const name = 'Infra reads'
    const allow = [{ operations: ['getPatient'], where }]
    const created = await operator.do('POST', `/organizations/${ours}/roles`, {
      service: 'clinic',
      name,
      allow,
    })
    const id = String(created.json['id'])
    const asked = { made_up: { organization: ours, roles: [id] }, request: get('/patients/p1') }
    expect((await explain(asked)).json['operations']).toMatchObject([
      {
        reason: 'condition_false',
        sides: [
          {
            roles: [
              {
                names: [id],
                attempts: [
                  {
                    place: { kind: 'statement', role: id, pointer: '/allow/0' },
                    condition: {
                      decisive: [
                        {
                          text: "$resourceTags:team = 'infra'",
                          truth: 'false',
                          variables: [{ name: '$resourceTags:team', values: { values: ['core'] } }],
                        },
                      ],
                      tree: { kind: 'and', of: [{ truth: 'false' }, { truth: 'true' }] },
                    },
                  },
                ],
              },
            ],
          },
          {},
        ],
      },
    ])
    expect(texts(await explain(asked))).toContain('tag the resource /patients/p1 team=infra')
    const madeUp = { organization: ours, roles: [], tags: { team: ['infra'] } }
    const without = await explain({ made_up: madeUp, request: get('/patients/p3') })
    expect(JSON.stringify(without.json['changes'])).toContain('"role":"patients:read"')
    expect(without.json['decision']).toMatchObject({ reason: 'no_role' })
  })

  test('tells the owner of the service whose a resource is, and how it could be shared', async () => {
    const reply = await explain({ principal: { id: reader.id }, request: get('/patients/p2') })
    expect(reply.json['operations']).toMatchObject([
      { resource: { standing: 'of_another', registered: { owner: theirs } } },
    ])
    expect(texts(reply)).toEqual([`share the resource /patients/p2 by the tag access-tag:GET:/=${ours}`])
  })

  test('tells why a token is not valid, without trusting it', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const forged = await new SignJWT({ scope: 'x', org_id: ours, roles: ['admin'], client_id: 'key_x' })
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: 'mine' })
      .setIssuer('https://elsewhere.example')
      .setAudience('https://api.elsewhere.example')
      .setSubject('key_x')
      .setIssuedAt(1_000_000_000)
      .setExpirationTime(1_000_000_900)
      .sign(privateKey)
    const { json } = await explain({ token: forged, request: get('/patients/p1') })
    expect(json).toMatchObject({
      decision: { allowed: false, reason: 'invalid_token', detail: expect.any(String) },
      principal: null,
      token_findings: [
        { about: 'typ', said: 'JWT' },
        { about: 'kid', said: 'mine' },
        { about: 'iss', said: 'https://elsewhere.example' },
        { about: 'aud', said: 'https://api.elsewhere.example' },
        { about: 'exp', said: '2001-09-09T02:01:40.000Z', expected: expect.stringContaining('later than') },
        { about: 'jti', expected: 'is required' },
      ],
      operations: [{ operation: 'getPatient', reason: 'invalid_token', sides: [] }],
      changes: [],
    })
    const nonsense = await explain({ token: 'nonsense', request: get('/patients/p1') })
    expect(nonsense.json).toMatchObject({ decision: { reason: 'invalid_token' }, token_findings: [] })
    const changed = await explain({
      token: `${readerToken.slice(0, -8)}AAAAAAAA`,
      request: get('/patients/p1'),
    })
    expect(changed.json).toMatchObject({ decision: { reason: 'invalid_token' }, token_findings: [] })
  })

  test('tells why somebody is let in nowhere', async () => {
    const why = async (id: string) => {
      const { json } = await explain({ principal: { id }, request: get('/patients/p1') })
      expect(json).toMatchObject({ decision: { reason: 'invalid_token' }, changes: [] })
      return Object(json['decision'])['detail']
    }
    const key = await operator.makeKey(ours, { role: 'patients:read' })
    await operator.do('POST', `/organizations/${ours}/keys/${key.id}/disable`)
    expect(await why(key.id)).toBe('The key is disabled.')
    const tester = await operator.makeKey(ours, { role: 'patients:read', environment: 'test' })
    expect(await why(tester.id)).toContain('for tests')
    const user = await operator.makeUser(ours, { roles: [{ service: 'clinic', role: 'patients:read' }] })
    expect(await why(user)).toContain('invited')
    expect(await why('key_gone')).toBe('Nobody has the id key_gone at this service.')
    const elsewhere = await operator.makeGuardKey()
    expect(await why(elsewhere.id)).toBe(`Nobody has the id ${elsewhere.id} at this service.`)
  })

  test('never repeats a token or a value of the body', async () => {
    const request = { ...put(`/patients/${readerToken}`), body: { note: 'hunter2' } }
    for (const subject of [
      { token: readerToken },
      { principal: { id: reader.id } },
      { token: `${readerToken}x` },
    ]) {
      const { text, status } = await explain({ ...subject, request })
      expect(status).toBe(200)
      expect(text).not.toContain('hunter2')
      expect(text).not.toContain(readerToken.slice(0, 40))
    }
  })

  test.each([
    ['nobody', {}, '/token', 'one of the three'],
    ['two at once', { token: 'x', made_up: { organization: 'x', roles: [] } }, '/token', 'one of the three'],
    [
      'an unknown organization',
      { made_up: { organization: 'org_x', roles: [] } },
      '/made_up/organization',
      'id',
    ],
    [
      'a role that is misspelt',
      { made_up: { organization: ours, roles: ['patients:red'] } },
      '/made_up/roles/0',
      'patients:read',
    ],
    [
      'a role of nobody',
      { made_up: { organization: ours, roles: ['patients:read', `rol_${'0'.repeat(26)}`] } },
      '/made_up/roles/1',
      '',
    ],
    [
      'a misspelt field',
      { made_up: { organisation: ours, roles: [] } },
      '/made_up/organisation',
      'organization',
    ],
    [
      'a kind that is none',
      { made_up: { organization: ours, roles: [], kind: 'robot' } },
      '/made_up/kind',
      '',
    ],
    ['a request without a method', { token: 'x', request: { path: '/' } }, '/request/method', ''],
  ])('refuses a body with %s, and says where', async (_, body, pointer, fix) => {
    const { status, json } = await explain({ request: get('/patients/p1'), ...body })
    expect(status).toBe(400)
    expect(json['errors']).toContainEqual(
      expect.objectContaining({ pointer, ...(fix === '' ? {} : { fix: expect.stringContaining(fix) }) }),
    )
  })

  test('is for a guard of the service alone', async () => {
    const body = { token: readerToken, request: get('/patients/p1') }
    expect((await send(address, 'POST', '/clinic/explain', { body })).status).toBe(401)
    expect((await explain(body, readerToken)).status).toBe(401)
    expect((await explain(body, await operator.token())).status).toBe(404)
  })
})
