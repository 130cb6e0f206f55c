import { request as httpRequest, type IncomingMessage } from 'node:http'
import { afterAll, describe, expect, test } from 'vitest'
import { type Reply, send, tokenOf } from './client.ts'
import { startClinicWithPatients } from './clinic-with-patients.ts'
import { itemsOf } from './operations.ts'

const clinic = await startClinicWithPatients()
const { deployment, ours, theirs, guardToken: token, resources: call } = clinic
const guard = await deployment.operator.guard(clinic.guardKey)
afterAll(async () => {
  await guard.close()
  await deployment.stop()
})

const facts = async (...names: readonly string[]) => {
  const asked = { body: { resources: names }, token }
  const { json } = await send(deployment.address, 'POST', '/clinic/facts', asked)
  return json['resources']
}

describe('what an API tells of its resources with its guard’s key', () => {
  test('is registered, answered as a fact, re-homed and removed', async () => {
    const made = await call('POST', '', {
      path: '/patients/1',
      organization: ours,
      tags: { ward: ['north'] },
    })
    expect(made.json).toMatchObject({ path: '/patients/1', organization_id: ours, name: '/patients/{1}' })
    const fact = { owner: ours, tags: { ward: ['north'] } }
    expect(await facts('/patients/{1}', '/patients/{2}')).toEqual({
      '/patients/{1}': fact,
      '/patients/{2}': null,
    })
    expect((await call('PUT', '/owner', { path: '/patients/1', organization: theirs })).status).toBe(200)
    expect(await facts('/patients/{1}')).toEqual({ '/patients/{1}': { owner: theirs, tags: {} } })
    expect((await call('DELETE', '?path=/patients/1')).status).toBe(204)
    expect((await call('GET', '?path=/patients/1')).json).toMatchObject({ code: 'resource_not_found' })
  })

  test('twice at once is done one after the other, and refused to neither', async () => {
    const third = await deployment.operator.makeOrganization()
    for (let i = 0; i < 5; i++) {
      const path = `/patients/r${i}`
      await call('POST', '', { path, organization: ours })
      const both = await Promise.all(
        [theirs, third].map((organization) => call('PUT', '/owner', { path, organization })),
      )
      expect(both.map(({ status }) => status)).toEqual([200, 200])
      expect((await call('DELETE', `?path=${path}`)).status).toBe(204)
    }
  })

  test('is told which keys of tags are reserved, and what an access tag looks like', async () => {
    const tags = { 'access-tag:get:*': [theirs], 'latchkey:owner': [theirs] }
    const detail = expect.stringContaining('access-tag:<METHOD or *>:</path suffix or *>')
    expect((await call('POST', '', { path: '/patients/1', organization: ours, tags })).json).toMatchObject({
      code: 'invalid_request',
      errors: [
        { pointer: '/tags/access-tag:get:*', detail },
        { pointer: '/tags/latchkey:owner', detail },
      ],
    })
  })

  test('comes a thousand at once', async () => {
    const resources = Array.from({ length: 1_000 }, (_, i) => ({
      path: `/patients/b${i}`,
      organization: ours,
    }))
    const reply = await call('POST', '/batch', { resources })
    expect(reply.status, reply.text).toBe(200)
    expect(itemsOf(reply.text).every(({ outcome }) => outcome === 'registered')).toBe(true)
    expect((await call('POST', '/batch', { resources: [...resources, resources[0]] })).status).toBe(400)
  })

  test('streams, with an answer for each line in order', async () => {
    const lines = Array.from({ length: 3_000 }, (_, i) =>
      JSON.stringify({ path: `/patients/s${i}`, organization: ours }),
    )
    lines[10] = '{"path":'
    lines[20] = '{"path":"/patients/x","path":"/patients/y","organization":"o"}'
    const reply = await call('POST', '/stream', lines.join('\n'), {
      'content-type': 'application/x-ndjson',
    })
    const answers = reply.text
      .trim()
      .split('\n')
      .map((line): Record<string, unknown> => JSON.parse(line))
    expect(answers).toHaveLength(3_000)
    expect(answers[10]).toMatchObject({ outcome: 'refused', code: 'body_not_json' })
    expect(answers[20]).toMatchObject({ outcome: 'refused', code: 'invalid_request' })
    expect(answers[2_999]).toEqual({ outcome: 'registered', name: '/patients/{s2999}' })
    expect(answers.filter(({ outcome }) => outcome === 'registered')).toHaveLength(2_998)
    expect((await call('POST', '/stream', '{}', { 'content-type': 'text/plain' })).status).toBe(415)
  })

  test('ends a stream at a line that is too long, and says so', async () => {
    const body = `${'x'.repeat(70_000)}\n`
    const reply = await call('POST', '/stream', body, { 'content-type': 'application/x-ndjson' })
    expect(JSON.parse(reply.text)).toMatchObject({ outcome: 'ended', code: 'body_too_large' })
  })
})

describe('streams of one key', () => {
  const line = (i: number) => `${JSON.stringify({ path: `/patients/open${i}`, organization: ours })}\n`
  const open = (i: number) =>
    new Promise<{ answer: IncomingMessage; end: () => void }>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' }
      const sent = httpRequest(`${deployment.address}/clinic/resources/stream`, { method: 'POST', headers })
      sent.on('error', reject).on('response', (answer) => resolve({ answer, end: () => sent.end() }))
      sent.write(line(i))
    })

  test('are twenty at once, and one that ends makes room', async () => {
    const streams = await Promise.all(Array.from({ length: 20 }, (_, i) => open(i)))
    expect(new Set(streams.map(({ answer }) => answer.statusCode))).toEqual(new Set([200]))
    const refused = await call('POST', '/stream', line(20), { 'content-type': 'application/x-ndjson' })
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    const [first, ...others] = streams
    const over = new Promise((resolve) => first?.answer.resume().once('close', resolve))
    first?.end()
    await over
    expect((await call('POST', '/stream', '', { 'content-type': 'application/x-ndjson' })).status).toBe(200)
    for (const { end, answer } of others) {
      answer.resume()
      end()
    }
  })
})

describe('what an operation of an API makes (x-latchkey-creates)', () => {
  test('is its caller’s, known before the response leaves, and tagged from then on', async () => {
    const { address, operator } = deployment
    const key = await operator.makeKey(ours, { role: 'patients:write' })
    const authorization = `Bearer ${await tokenOf(address, key, 'clinic')}`
    const ask = (method: string, path: string) =>
      guard.fetch(() => Response.json({ id: 'made-here' }, { status: 201 }))(
        new Request(`https://api.example${path}`, { method, headers: { authorization } }),
      )
    expect((await ask('PUT', '/patients/made-here')).status).toBe(404)
    const made = await ask('POST', '/patients')
    expect([made.status, await made.json()]).toEqual([201, { id: 'made-here' }])
    expect(await facts('/patients/{made-here}')).toEqual({
      '/patients/{made-here}': { owner: ours, tags: {} },
    })
    expect((await ask('PUT', '/patients/made-here')).status).toBe(201)
    // Another organization's id is nobody's to take.
    const other = await operator.makeKey(theirs, { role: 'patients:write' })
    const headers = { authorization: `Bearer ${await tokenOf(address, other, 'clinic')}` }
    const again = guard.fetch(() => Response.json({ id: 'made-here' }, { status: 201 }))
    const taken = await again(new Request('https://api.example/patients', { method: 'POST', headers }))
    expect([taken.status, await taken.json()]).toMatchObject([500, { code: 'resource_not_registered' }])
  })
})

describe('an organization with its resources', () => {
  test('reads and tags what is its own, and sees nothing of others', async () => {
    const { operator } = deployment
    const made = await call('POST', '', { path: '/patients/o1', organization: ours })
    const { id } = made.json
    const path = `/organizations/${ours}/resources/${id}`
    const tagged = await operator.do('PUT', `${path}/tags`, { tags: { env: ['dev'] } }, { 'if-match': '"1"' })
    expect(tagged.json).toMatchObject({ tags: { env: ['dev'] } })
    const stale = await operator.try('PUT', `${path}/tags`, { tags: {} }, { 'if-match': '"1"' })
    expect(stale.status).toBe(412)
    const list = (organization: string) =>
      operator.do('GET', `/organizations/${organization}/resources?service=clinic&tag=env%3Ddev`)
    expect(itemsOf((await list(ours)).text)).toMatchObject([{ id }])
    expect(itemsOf((await list(theirs)).text)).toEqual([])
    expect((await operator.try('GET', `/organizations/${theirs}/resources/${id}`)).status).toBe(404)
  })

  test('only the owner of a service says who knows its resources, and confirms that nobody checks them', async () => {
    const { operator } = deployment
    const path = (organization: string) => `/organizations/${organization}/services/clinic`
    const other = await operator.try('PATCH', path(ours), { resources: 'api' })
    expect(other.json).toMatchObject({ code: 'service_not_found' })
    const asked = await operator.try('PATCH', path(operator.organizationId), { resources: 'api' })
    expect(asked.json).toMatchObject({ code: 'confirmation_required' })
    expect(asked.json['changes']).toMatchObject({
      ownership_check_lost: expect.arrayContaining(['getPatient']),
    })
  })
})

describe('a guard that follows the service', () => {
  test('hears within a second of what is registered, tagged and removed', async () => {
    const { address, operator } = deployment
    const stream = await fetch(`${address}/clinic/bundle`, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${token}` },
    })
    const heard: string[] = []
    const reading = (async () => {
      const decoder = new TextDecoder()
      for await (const chunk of stream.body ?? []) heard.push(decoder.decode(chunk, { stream: true }))
    })().catch(() => undefined)
    const toldOf = async (what: () => Promise<unknown>) => {
      heard.length = 0
      const begun = performance.now()
      await what()
      await expect
        .poll(() => heard.join(''), { interval: 10, timeout: 2_000 })
        .toContain('"resources":["/patients/{f1}"]')
      return performance.now() - begun
    }
    const made: Reply[] = []
    const times = [
      await toldOf(async () =>
        made.push(await call('POST', '', { path: '/patients/f1', organization: ours })),
      ),
      await toldOf(() =>
        operator.do('PUT', `/organizations/${ours}/resources/${made[0]?.json['id']}/tags`, {
          tags: { env: ['dev'] },
        }),
      ),
      await toldOf(() => call('DELETE', '?path=/patients/f1')),
    ]
    for (const ms of times) expect(ms).toBeLessThan(1_000)
    await stream.body?.cancel().catch(() => undefined)
    void reading
  })
})
