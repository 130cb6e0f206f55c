import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTokenSource, type Guard, type TokenSource } from '../../src/sdk/index.ts'
import { stores } from '../contract/stores.ts'
import { type Key, send, tokenOf } from './client.ts'
import { startTwoNodes, type TwoNodes } from './nodes.ts'
import { itemsOf } from './operations.ts'

const seenWithinMs = 1_000

describe.each(stores.filter(({ isShared }) => isShared))(
  'a role that another organization takes: $name',
  (kind) => {
    let two: TwoNodes
    let guards: readonly Guard[]
    let practice: string
    let lab: string
    /** Who administers each, and the lab's machine. */
    let admins: Readonly<Record<'practice' | 'lab', Key>>
    let machine: Key
    const sources: TokenSource[] = []
    beforeAll(async () => {
      two = await startTwoNodes(kind)
      const { operator, nodes } = two
      await operator.importClinic()
      practice = await operator.makeOrganization('Harbour Street')
      lab = await operator.makeOrganization('North Lab')
      const administering = { service: 'latchkey', role: 'organization-admin' }
      admins = {
        practice: await operator.makeKey(practice, administering),
        lab: await operator.makeKey(lab, administering),
      }
      machine = await operator.makeKey(lab, { role: 'patients:write' })
      const key = await operator.makeGuardKey()
      guards = await Promise.all(nodes.map(({ address }) => operator.guard(key, 'clinic', address)))
    })
    afterAll(async () => {
      for (const source of sources) source.close()
      for (const guard of guards ?? []) guard.close()
      await two?.stop()
    })

    const as = async (who: 'practice' | 'lab', method: string, path: string, body?: unknown) => {
      const { address } = two.operator
      const token = await tokenOf(address, admins[who])
      const reply = await send(address, method, `/api/v1${path}`, { token, body })
      if (reply.status >= 300) throw new Error(`${method} ${path} answered ${reply.status}: ${reply.text}`)
      return reply
    }
    const letting = async (more: object = {}) => {
      const body = { service: 'clinic', role: 'patients:read', assuming_organization: lab, ...more }
      const name = `Results ${sources.length}`
      return String(
        (await as('practice', 'POST', `/organizations/${practice}/assumptions`, { name, ...body })).json[
          'id'
        ],
      )
    }
    const taking = (assumption: string, key = machine, service = 'clinic') => {
      const source = createTokenSource({
        latchkey: two.operator.address,
        service,
        key: key.secret,
        assumption,
      })
      sources.push(source)
      return source
    }
    const answersTo = async (token: string, method = 'GET') =>
      Promise.all(
        guards.map((guard) => guard.check({ method, url: '/patients', authorization: `Bearer ${token}` })),
      )
    const reasons = async (token: string) =>
      (await answersTo(token)).map(({ allowed, status }) => [allowed, status])

    test('opens what it opens there, in that organization, and nothing of the own role', async () => {
      const assumption = await letting({ tags: { ward: ['north'] } })
      const received = itemsOf((await as('lab', 'GET', `/organizations/${lab}/received-assumptions`)).text)
      expect(received.map(({ id }) => id)).toContain(assumption)
      const token = await taking(assumption).token()
      for (const answer of await answersTo(token)) {
        expect(answer).toMatchObject({
          ...{ allowed: true, role: 'patients:read' },
          caller: {
            ...{ kind: 'key', id: machine.id, organizationId: practice, tags: { ward: ['north'] } },
            assumed: { id: assumption, organizationId: lab },
          },
        })
      }
      for (const answer of await answersTo(token, 'POST'))
        expect(answer).toMatchObject({ allowed: false, reason: 'operation_not_in_role' })
    })

    test('is refused everywhere within a second of being taken back, and the source says why', async () => {
      const assumption = await letting()
      const source = taking(assumption)
      const token = await source.token()
      expect(await reasons(token)).toEqual([
        [true, 200],
        [true, 200],
      ])
      await as('practice', 'DELETE', `/organizations/${practice}/assumptions/${assumption}`)
      const takenAt = performance.now()
      await expect
        .poll(() => reasons(token), { interval: 20 })
        .toEqual([
          [false, 401],
          [false, 401],
        ])
      expect(performance.now() - takenAt).toBeLessThan(seenWithinMs)
      source.drop(token)
      await expect(source.token()).rejects.toMatchObject({ code: 'invalid_target', isFinal: false })
      for (const [who, organization] of [
        ['practice', practice],
        ['lab', lab],
      ] as const) {
        const query = `/organizations/${organization}/audit-events?target=${assumption}`
        const types = itemsOf((await as(who, 'GET', query)).text).map(({ type }) => type)
        expect(types).toEqual(['assumption.deleted', 'assumption.assumed', 'assumption.created'])
      }
    })

    test.each<[string, (at: { assumption: string; key: Key }) => Promise<unknown>]>([
      [
        'a change of who may take it',
        ({ assumption }) =>
          as('practice', 'PATCH', `/organizations/${practice}/assumptions/${assumption}`, {
            principals: [machine.id],
          }),
      ],
      [
        'the end of the key that took it',
        ({ key }) => as('lab', 'POST', `/organizations/${lab}/keys/${key.id}/disable`),
      ],
    ])('%s ends it as soon', async (_what, end) => {
      const [assumption, key] = [await letting(), await two.operator.makeKey(lab, { role: 'patients:read' })]
      const token = await taking(assumption, key).token()
      expect(await reasons(token)).toEqual([
        [true, 200],
        [true, 200],
      ])
      await end({ assumption, key })
      const endedAt = performance.now()
      await expect
        .poll(() => reasons(token), { interval: 20 })
        .toEqual([
          [false, 401],
          [false, 401],
        ])
      expect(performance.now() - endedAt).toBeLessThan(seenWithinMs)
    })

    test('may be one of the management API: the trail says whose principal it was', async () => {
      const assumption = await letting({ service: 'latchkey', role: 'organization-admin' })
      const token = await taking(assumption, admins.lab, 'latchkey').token()
      const { address } = two.operator
      const call = (method: string, path: string, body?: unknown) =>
        send(address, method, `/api/v1${path}`, { token, body })
      expect((await call('PATCH', `/organizations/${practice}`, { name: 'Harbour' })).status).toBe(200)
      expect((await call('GET', `/organizations/${lab}`)).status).toBe(404)
      const query = `/organizations/${practice}/audit-events?type=organization.renamed`
      const [event] = itemsOf((await as('practice', 'GET', query)).text)
      expect(event).toMatchObject({ by: { id: admins.lab.id, organization_id: lab } })
    })
  },
)
