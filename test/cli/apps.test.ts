import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { consents } from '../../src/consents/consent.ts'
import { parseId } from '../../src/ids.ts'
import { insert } from '../../src/storage/ports.ts'
import { send } from '../server/client.ts'
import { emptyPlace, machineLogging, startDeployment } from '../server/deployment.ts'
import { runLatchkey } from './run-latchkey.ts'

// A file of its own: what only a whole sign-in makes is put there.
const place = await emptyPlace()
const path = join(place.folder, 'apps.db')
const deployment = await startDeployment({ store: { kind: 'sqlite', path } })
afterAll(async () => {
  await deployment.stop()
  await place.drop()
})

const { operator, folder, address } = deployment
const serviceId = await operator.importClinic()
const organization = await operator.makeOrganization('Riverside')
const latchkey = (...args: string[]) =>
  runLatchkey([...args, '--server', address, '--key-file', join(folder, 'operator-key.json')], {
    cwd: folder,
  })
async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await latchkey(...args, '--json')
  expect([code, stderr]).toEqual([0, ''])
  return JSON.parse(stdout)
}
const ofRiverside = ['--organization', organization]

test('an organization’s policy is shown, changed, and lets one app in and out', async () => {
  const policy = (...args: string[]) => json('apps', ...args, ...ofRiverside)
  expect(await policy('policy')).toEqual({ mode: 'all', unverified: 'ask', approved: [] })
  const changed = await policy('policy', '--mode', 'ask', '--unverified', 'deny')
  expect(changed).toMatchObject({ mode: 'ask', unverified: 'deny' })
  await policy('approve', 'https://app.example/client.json')
  expect((await policy('approve', 'app_1'))['approved']).toEqual(['https://app.example/client.json', 'app_1'])
  expect((await policy('disapprove', 'app_1'))['approved']).toEqual(['https://app.example/client.json'])
  const wrong = await latchkey('apps', 'policy', '--mode', 'some', ...ofRiverside)
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('all, approved, ask')])
})

test('an app registers with an initial access token that was made for it, and is deleted', async () => {
  await operator.do('PATCH', '/services/clinic/sign-in', { registration: 'initial_access_token' })
  const made = await json('apps', 'tokens', 'create', 'clinic', '--name', 'Partners', '--days', '2')
  const register = () =>
    send(address, 'POST', '/clinic/oauth/register', {
      token: String(made['initial_access_token']),
      body: { client_name: 'Some app', redirect_uris: ['https://app.example/callback'] },
    })
  const { status, json: app } = await register()
  expect(status).toBe(201)
  expect((await latchkey('apps', 'tokens', 'list', 'clinic')).stdout).toContain('Partners')
  expect((await latchkey('apps', 'registered', 'clinic')).stdout).toContain('Some app')
  expect((await latchkey('apps', 'delete', 'clinic', String(app['client_id']))).code).toBe(0)
  expect((await latchkey('apps', 'registered', 'clinic')).stdout).toContain('No app has registered itself')
  expect((await latchkey('apps', 'tokens', 'delete', 'clinic', String(made['id']))).code).toBe(0)
  expect((await register()).status).toBe(401)
})

test('what people have let apps do is listed, by person and by app, and ended', async () => {
  const email = 'ann@riverside.example'
  const userId = parseId('usr', await operator.makeUser(organization, { email }))
  const organizationId = parseId('org', organization)
  const service = parseId('svc', serviceId)
  const { newId } = machineLogging([])
  const id = newId('gra')
  const clientId = newId('key')
  if (userId === undefined || organizationId === undefined || service === undefined)
    throw new Error('an id is not one')
  const store = await openSqlite({ path, clock: Date.now })
  await store.commit([
    insert(consents, {
      ...{ id, version: 1, organizationId, serviceId: service, userId, clientId, appName: 'Rounds' },
      ...{ scopes: ['patients:read'], appFingerprint: 'x', remembered: true, grantedAt: Date.now() },
    }),
  ])
  await store.close()
  const list = async (...args: string[]) => (await json('consents', 'list', ...ofRiverside, ...args))['items']
  expect(await list()).toMatchObject([{ id, app: 'Rounds', scopes: ['patients:read'] }])
  expect(await list('--user', email)).toHaveLength(1)
  expect(await list('--app', clientId)).toHaveLength(1)
  expect(await list('--app', 'key_other')).toEqual([])
  expect((await latchkey('consents', 'end', id, ...ofRiverside)).stdout).toContain('Ended')
  expect((await latchkey('consents', 'list', ...ofRiverside)).stdout).toContain('No app acts for anybody')
  expect((await latchkey('consents', 'end', id, ...ofRiverside)).code).toBe(1)
})
