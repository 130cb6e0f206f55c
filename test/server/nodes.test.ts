import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Guard } from '../../src/sdk/index.ts'
import { stores } from '../contract/stores.ts'
import { askToken, type Key, Operator, tokenOf } from './client.ts'
import { emptyPlace, freePort, newDeploymentSecret } from './deployment.ts'
import { type ServerProcess, startServer } from './processes.ts'

const seenWithinMs = 1_000
const givenUpAfterMs = 10_000

/** Asks again and again until it holds; how long that took from now, in milliseconds. */
async function timeUntil(holds: () => Promise<boolean>): Promise<number> {
  const startMs = performance.now()
  for (;;) {
    const askedMs = performance.now()
    if (await holds()) return askedMs - startMs
    if (askedMs - startMs > givenUpAfterMs) return Number.POSITIVE_INFINITY
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe.each(stores.filter(({ isShared }) => isShared))('two nodes on one store: $name', ({ newPlace }) => {
  let nodes: readonly [ServerProcess, ServerProcess]
  let operator: Operator
  let guards: Readonly<Record<'ofA' | 'ofB', Guard>>
  const undo: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    const place = await newPlace()
    const { folder, drop } = await emptyPlace()
    undo.push(place.drop, drop)
    const port = String(await freePort())
    const environment = {
      LATCHKEY_ORIGIN: `http://127.0.0.1:${port}`,
      LATCHKEY_STORE: place.address,
      LATCHKEY_DATA: folder,
      LATCHKEY_SECRETS: newDeploymentSecret(),
    }
    const a = await startServer({ ...environment, LATCHKEY_PORT: port })
    undo.unshift(() => a.stop())
    const b = await startServer(environment)
    undo.unshift(() => b.stop())
    nodes = [a, b]
    operator = await Operator.at(a.address, folder)
    await operator.importClinic()
    const key = await operator.makeGuardKey()
    guards = { ofA: await operator.guard(key), ofB: await operator.guard(key, 'clinic', b.address) }
  })
  afterAll(async () => {
    for (const guard of Object.values(guards ?? {})) guard.close()
    for (const one of undo) await one()
  })

  interface Standing {
    readonly organizationId: string
    readonly key: Key
    readonly token: string
    /** What the guards answer to a call of `GET /patients`. */
    answers(): Promise<readonly number[]>
    /** What the token endpoint of each node answers. */
    tokenAnswers(): Promise<readonly number[]>
  }

  /** An organization with a key that both nodes know and both guards have let in. */
  async function standing(service = 'clinic', role?: (organizationId: string) => Promise<string>) {
    const organizationId = await operator.makeOrganization()
    const given = (await role?.(organizationId)) ?? 'patients:read'
    const key = await operator.makeKey(organizationId, { service, role: given })
    const token = await tokenOf(nodes[0].address, key, service)
    const answers = () =>
      Promise.all(
        [guards.ofA, guards.ofB].map(async (guard) => {
          const authorization = `Bearer ${token}`
          return (await guard.check({ method: 'GET', url: '/patients', authorization })).status
        }),
      )
    // A node that has refused the key is not asked again: it would soon answer 429, for too many failures as one key.
    const refused = new Set<string>()
    const tokenAnswer = async (address: string) => {
      if (refused.has(address)) return 401
      const { status } = await askToken(address, key, service)
      if (status === 401) refused.add(address)
      return status
    }
    const tokenAnswers = () => Promise.all(nodes.map(({ address }) => tokenAnswer(address)))
    await expect.poll(tokenAnswers).toEqual([200, 200])
    if (service === 'clinic') expect(await answers()).toEqual([200, 200])
    return { organizationId, key, token, answers, tokenAnswers } satisfies Standing
  }

  /** Changes through node B, whose guard and whose peer must then follow. */
  async function changeThroughB(method: string, path: string, body?: unknown): Promise<void> {
    await operator.through(nodes[1].address).do(method, path, body)
  }

  async function expectWithinASecond(what: string, ask: () => Promise<readonly number[]>, expected: number) {
    const tookMs = await timeUntil(async () => (await ask()).every((status) => status === expected))
    expect(tookMs, `${what}: ${expected} everywhere after ${Math.round(tookMs)} ms`).toBeLessThan(
      seenWithinMs,
    )
  }

  test('a key revoked in one is refused by the other, and by a guard that follows either', async () => {
    const { organizationId, key, answers, tokenAnswers } = await standing()
    await changeThroughB('POST', `/organizations/${organizationId}/keys/${key.id}/revoke`, {})
    await Promise.all([
      expectWithinASecond('guards', answers, 401),
      expectWithinASecond('token endpoints', tokenAnswers, 401),
    ])
  })

  test('a token revoked by its key at one (RFC 7009) is refused by guards of both, and by introspection', async () => {
    const { key, token, answers } = await standing()
    const ask = (address: string, endpoint: string) =>
      fetch(`${address}/clinic/oauth/${endpoint}`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${key.id}:${key.secret}`)}` },
        body: new URLSearchParams({ token }),
      })
    expect((await ask(nodes[1].address, 'revoke')).status).toBe(200)
    expect(await (await ask(nodes[1].address, 'introspect')).json()).toEqual({ active: false })
    const active = async () => (await ask(nodes[0].address, 'introspect')).text()
    const inactive = async () => [(await active()) === '{"active":false}' ? 401 : 200]
    await Promise.all([
      expectWithinASecond('guards', answers, 401),
      expectWithinASecond('introspection', inactive, 401),
    ])
  })

  test('an organization suspended in one is refused everywhere', async () => {
    const { organizationId, answers, tokenAnswers } = await standing()
    await changeThroughB('POST', `/organizations/${organizationId}/suspend`, { reason: 'unpaid' })
    await Promise.all([
      expectWithinASecond('guards', answers, 401),
      expectWithinASecond('token endpoints', tokenAnswers, 401),
    ])
  })

  test('an operation taken out of a role is refused to the tokens that there are', async () => {
    let roleId = ''
    const { organizationId, answers } = await standing('clinic', async (id) => {
      roleId = await operator.makeRole(id, ['listPatients', 'getPatient'])
      return roleId
    })
    await changeThroughB('PUT', `/organizations/${organizationId}/roles/${roleId}`, {
      ...{ name: 'Less', description: '', allow: [{ operations: ['getPatient'] }] },
    })
    await expectWithinASecond('guards', answers, 403)
  })

  test('what is taken out of an entitlement is refused to the tokens that there are', async () => {
    const { organizationId, answers } = await standing()
    await changeThroughB('PUT', `/services/clinic/entitlements/${organizationId}`, { roles: ['auditor'] })
    await expectWithinASecond('guards', answers, 403)
  })

  test('a key that gets another role is refused with the tokens of the one before', async () => {
    const { organizationId, key, answers } = await standing()
    await changeThroughB('PUT', `/organizations/${organizationId}/keys/${key.id}/role`, { role: 'auditor' })
    await expectWithinASecond('guards', answers, 401)
  })

  test('a role deleted with all that hold it stops them', async () => {
    let roleId = ''
    const { organizationId, answers, tokenAnswers } = await standing('clinic', async (id) => {
      roleId = await operator.makeRole(id, ['listPatients'])
      return roleId
    })
    await changeThroughB('DELETE', `/organizations/${organizationId}/roles/${roleId}?cascade=true`)
    await Promise.all([
      expectWithinASecond('guards', answers, 401),
      expectWithinASecond('token endpoints', tokenAnswers, 401),
    ])
  })

  test('a service deleted in one has no issuer in the other, and its guards let nobody in', async () => {
    const slug = 'short-lived'
    await operator.importClinic(slug)
    const { key, token } = await standing(slug)
    const guardKey = await operator.makeGuardKey(slug)
    const guard = await operator.guard(guardKey, slug)
    const ask = async () => {
      const authorization = `Bearer ${token}`
      return (await guard.check({ method: 'GET', url: '/patients', authorization })).status
    }
    expect(await ask()).toBe(200)
    await changeThroughB('DELETE', `/services/${slug}?confirm=${slug}`)
    const issuers = async () =>
      Promise.all(nodes.map(async ({ address }) => (await askToken(address, key, slug)).status))
    await Promise.all([
      expectWithinASecond('token endpoints', issuers, 404),
      expectWithinASecond('its guard', async () => [await ask()], 401),
    ])
    await guard.close()
  })
})
