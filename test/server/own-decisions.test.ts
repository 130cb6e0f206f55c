import { afterAll, describe, expect, test } from 'vitest'
import { createGuard } from '../../src/sdk/index.ts'
import { send, tokenOf } from './client.ts'
import { startDeployment } from './deployment.ts'
import { itemsOf } from './operations.ts'

const deployment = await startDeployment({ decisionLog: 'all' })
afterAll(() => deployment.stop())
const { address, operator } = deployment
await operator.importClinic()
const ours = await operator.makeOrganization()
const token = await tokenOf(
  address,
  await operator.makeKey(ours, { service: 'latchkey', role: 'organization-viewer' }),
)

const find = async (whose: string, id: string | null) => {
  for (let tries = 0; tries < 100; tries++) {
    const [found] = itemsOf((await operator.do('GET', `${whose}/decisions?decision=${id}`)).text)
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${id} was not recorded`)
}

describe('LATCHKEY_DECISION_LOG', () => {
  test('has what the management API decided recorded, under the id that its answer carried', async () => {
    const path = `/api/v1/organizations/${ours}`
    const refused = await send(address, 'DELETE', path, { token })
    expect(refused.status).toBe(403)
    const id = refused.headers.get('x-decision-id')
    expect(await find(`/organizations/${ours}`, id)).toMatchObject({
      ...{ id, outcome: 'denied', reason: 'operation_not_in_role', operation: 'deleteOrganization' },
      ...{ resource: { organization: ours }, principal: { kind: 'key', organization_id: ours } },
    })
    const allowed = await send(address, 'GET', `${path}?nonsense=canary-query`, { token })
    const other = await find('/services/latchkey', allowed.headers.get('x-decision-id'))
    expect(other).toMatchObject({ outcome: 'allowed', operation: 'getOrganization', method: 'GET' })
    expect(JSON.stringify(other)).not.toContain('canary')
  })

  test('what is still held is stored when the server stops', async () => {
    const last = await send(address, 'GET', `/api/v1/organizations/${ours}/keys`, { token })
    await deployment.restart()
    expect(await find(`/organizations/${ours}`, last.headers.get('x-decision-id'))).toMatchObject({
      operation: 'listClientKeys',
    })
  })
})

test('a guard of a service has its decisions recorded with the caller’s organization', async () => {
  const key = (await operator.makeGuardKey()).secret
  const guard = createGuard({ latchkey: address, service: 'clinic', key, decisionLog: 'all' })
  await guard.ready()
  const machine = await operator.makeKey(ours, { role: 'patients:read' })
  const authorization = `Bearer ${await tokenOf(address, machine, 'clinic')}`
  const answer = await guard.check({ method: 'GET', url: '/patients', authorization })
  await guard.close()
  expect(guard.state().decisionLog).toEqual({ queued: 0, delivered: 1, dropped: 0 })
  expect(await find(`/organizations/${ours}`, answer.decisionId)).toMatchObject({
    principal: { id: machine.id, organization_id: ours },
    reason: answer.reason,
  })
})
