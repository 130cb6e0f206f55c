import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Operation, ServiceModel } from '../../src/evaluator/model.ts'
import type { Guard } from '../../src/sdk/guard.ts'
import type { GuardTrouble } from '../../src/sdk/guard-trouble.ts'
import { createGuard } from '../../src/sdk/index.ts'
import { type Answer, answering } from './answering-frameworks.ts'
import { clinicBundle, type Issuer, makeIssuer } from './clinic-issuer.ts'
import { closeServers, type Reply } from './frameworks.ts'
import { get } from './in-process.ts'
import { guardKey, LatchkeyServer } from './latchkey-server.ts'

let issuer: Issuer
let server: LatchkeyServer
let troubles: GuardTrouble[]
let guards: Guard[]
beforeAll(async () => {
  issuer = await makeIssuer()
})
beforeEach(async () => {
  server = await new LatchkeyServer(bundleWhere({})).listen()
  server.registers = ({ path, namespace = '' }) =>
    `${namespace === '' ? '' : `{${namespace}}`}${path.replace(/[^/]+$/, '{$&}')}`
  troubles = []
  guards = []
})
afterEach(async () => {
  for (const guard of guards) await guard.close()
  closeServers()
  await server.close()
})

/** The clinic, where making a patient makes a resource that Latchkey knows. */
function bundleWhere(more: Partial<Operation>, rest: Partial<ServiceModel> = {}) {
  const bundle = clinicBundle(issuer)
  const operations = bundle.model.operations.map((one): Operation => {
    if (one.id === 'getPatient') return { ...one, parameters: {}, resourceParameter: 'patient' }
    if (one.id !== 'createPatient') return one
    return { ...one, creates: { resource: '/patients/{patient}', id: '/data/id' }, ...more }
  })
  return { ...bundle, model: { ...bundle.model, resources: 'latchkey' as const, operations, ...rest } }
}

async function guarding(): Promise<Guard> {
  const guard = createGuard({
    latchkey: server.origin,
    service: 'clinic',
    key: guardKey,
    report: (trouble) => troubles.push(trouble),
  })
  guards.push(guard)
  await guard.ready()
  return guard
}

const token = () => issuer.sign({ roles: ['patients:read', 'patients:write'] }, {}, Date.now())
const made = { json: { data: { id: '7' } }, status: 201, headers: { location: '/v1/patients/7' } }

async function mayRead(guard: Guard, path: string): Promise<boolean> {
  return (await guard.check(get(await token(), path))).allowed
}

describe.each(Object.entries(answering))(
  'what an operation makes (x-latchkey-creates), with %s',
  (_, begin) => {
    const making = async (answer: Answer | (() => Answer), guard?: Guard): Promise<Reply> => {
      const send = await begin(guard ?? (await guarding()), () =>
        typeof answer === 'function' ? answer() : answer,
      )
      return send({
        method: 'POST',
        path: '/v1/patients',
        headers: { authorization: `Bearer ${await token()}` },
      })
    }

    test('is registered for the caller’s organization before the response leaves', async () => {
      const guard = await guarding()
      expect(await mayRead(guard, '/v1/patients/7')).toBe(false)
      const reply = await making(made, guard)
      expect([reply.status, JSON.parse(reply.body)]).toEqual([201, made.json])
      expect(reply.headers['location']).toBe('/v1/patients/7')
      expect(server.told).toEqual([{ path: '/patients/7', organization: 'org_a' }])
      expect(await mayRead(guard, '/v1/patients/7')).toBe(true)
      expect(troubles).toEqual([])
    })

    test.each<[string, Answer]>([
      ['text', { text: '{ "data": { "id": 7 } }' }],
      ['a stream', { pieces: ['{ "data": ', '{ "id": 7 } }'], status: 201 }],
      ['what is written past the framework', { raw: ['{ "data": ', '{ "id": 7 } }'], status: 202 }],
    ])('is found in %s, and leaves it as it is', async (_way, answer) => {
      const reply = await making(answer)
      expect([reply.status, reply.body]).toEqual([answer.status ?? 200, '{ "data": { "id": 7 } }'])
      expect(server.told).toEqual([{ path: '/patients/7', organization: 'org_a' }])
    })

    test('is registered by the id as a path has it', async () => {
      await making({ json: { data: { id: 'a/b ü' } } })
      expect(server.told).toMatchObject([{ path: '/patients/a%2Fb%20%C3%BC' }])
    })

    test('is told again where the server could not take it, and only so often', async () => {
      let calls = 0
      server.registers = () => (++calls < 3 ? 503 : '/patients/{7}')
      expect((await making(made)).status).toBe(201)
      calls = -10
      const reply = await making(made)
      expect([reply.status, JSON.parse(reply.body)['code']]).toEqual([503, 'resource_not_registered'])
      expect(reply.body).not.toContain('"7"')
      expect(server.told).toHaveLength(6)
      const resource = { path: '/patients/7', organization: 'org_a' }
      expect(troubles).toMatchObject([{ kind: 'resource_not_registered', resource }])
      expect(troubles[0]?.message).toContain('/patients/7 of org_a is not registered')
    })

    test('is not told again where the server never takes it, and nobody is handed another’s', async () => {
      server.registers = () => 409
      const reply = await making(made)
      expect([reply.status, JSON.parse(reply.body)['code']]).toEqual([500, 'resource_not_registered'])
      expect(server.told).toHaveLength(1)
      expect(troubles[0]?.message).toMatch(/answered 409: already_exists: It is another’s/)
    })

    test.each<[string, Answer]>([
      ['has no id', { json: { data: {} } }],
      ['has one that is no text', { json: { data: { id: ['7'] } } }],
      ['has one that cannot be read exactly', { text: '{"data":{"id":12345678901234567890}}' }],
      ['has it twice', { text: '{"data":{"id":"8","id":"7"}}' }],
      ['is not JSON', { text: '7', headers: { 'content-type': 'text/plain' } }],
      ['has no body', { status: 204 }],
    ])('is told to the operator where the answer %s', async (_fault, answer) => {
      const reply = await making(answer)
      expect([reply.status, JSON.parse(reply.body)['code']]).toEqual([500, 'resource_not_registered'])
      expect(server.told).toEqual([])
      expect(troubles[0]?.message).toBe(
        'what createPatient has made of org_a is not registered: its answer has no id at /data/id of JSON',
      )
      expect(troubles[0]).not.toHaveProperty('resource')
    })

    test('is nothing where the API says that it has not made it', async () => {
      const reply = await making({ json: { data: { id: '7' }, error: 'no' }, status: 422 })
      expect([reply.status, JSON.parse(reply.body)]).toEqual([422, { data: { id: '7' }, error: 'no' }])
      expect(server.told).toEqual([])
    })

    test('leaves the response alone where the API knows its resources itself', async () => {
      const { resources: _resources, ...model } = bundleWhere({}).model
      server.bundle = { ...server.bundle, model }
      for (const answer of [
        { text: 'made', headers: { 'content-type': 'text/plain' }, status: 201 },
        { pieces: ['ma', 'de'], headers: { 'content-type': 'text/plain' }, status: 201 },
      ]) {
        const reply = await making(answer)
        expect([reply.status, reply.body]).toEqual([201, 'made'])
      }
      expect((await making(made)).status).toBe(201)
      expect(server.told).toEqual([])
    })

    test('is shown by the filter of the role once it is registered', async () => {
      const filter = [{ operations: ['createPatient'], fields: ['name'] }]
      server.roles['rol_own'] = {
        organization_id: 'org_a',
        allow: [{ operations: ['createPatient'] }],
        filter,
      }
      const send = await begin(await guarding(), () => ({ json: { data: { id: '7' }, name: 'Ada' } }))
      const own = await issuer.sign({ roles: ['rol_own'] }, {}, Date.now())
      const headers = { authorization: `Bearer ${own}` }
      const reply = await send({ method: 'POST', path: '/v1/patients', headers })
      expect(JSON.parse(reply.body)).toEqual({ name: 'Ada' })
      expect(server.told).toHaveLength(1)
    })
  },
)

describe('what is made', () => {
  const koa = answering['Koa']
  const make = async (path = '/v1/patients') => {
    const send = await koa?.(await guarding(), () => made)
    const authorization = `Bearer ${await token()}`
    return send?.({ method: 'POST', path, headers: { authorization } })
  }

  test('below another one has the ids of the path, and its namespace', async () => {
    const parameters = { ward: {} }
    const resource = '/wards/{ward}/patients/{patient}'
    const place = { path: '/wards/{ward}/patients', parameters, creates: { resource, id: '/data/id' } }
    const { model } = bundleWhere(place)
    const operations = model.operations.map((one): Operation => {
      if (one.id !== 'getPatient') return one
      const namespace = { parameter: 'ward' }
      return { ...one, path: resource, parameters: { ward: {}, patient: {} }, namespace }
    })
    server.bundle = { ...server.bundle, model: { ...model, operations } }
    expect((await make('/v1/wards/n%20a/patients'))?.status).toBe(201)
    expect(server.told).toEqual([{ path: '/wards/n%20a/patients/7', organization: 'org_a' }])
  })
})
