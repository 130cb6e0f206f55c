import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { startHandMade } from '../connections/upstream.ts'
import { startDeployment } from '../server/deployment.ts'
import { runLatchkey } from './run-latchkey.ts'

const published: string[] = []
const deployment = await startDeployment({}, { resolveTxt: async () => published.map((text) => [text]) })
const provider = await startHandMade()
afterAll(() => Promise.all([deployment.stop(), provider.close()]))

await deployment.operator.importClinic()
const organization = await deployment.operator.makeOrganization('Riverside')
const { folder, address } = deployment
const latchkey = (...args: string[]) =>
  runLatchkey([...args, '--server', address, '--key-file', join(folder, 'operator-key.json')], {
    cwd: folder,
  })
async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await latchkey(...args, '--organization', organization, '--json')
  expect([code, stderr]).toEqual([0, ''])
  return JSON.parse(stdout)
}

test('a domain is claimed, proven by its TXT record, and given up', async () => {
  const added = await json('domains', 'add', 'Clinic.example')
  expect(added).toMatchObject({
    name: 'clinic.example',
    state: 'pending',
    txt_name: '_latchkey.clinic.example',
  })
  const early = await latchkey('domains', 'verify', 'clinic.example', '--organization', organization)
  expect(early.code).toBe(1)
  expect(early.stderr).toContain('[domain_unproven]')
  expect(early.stderr).toContain(String(added['txt_value']))
  published.push(String(added['txt_value']))
  expect(await json('domains', 'verify', 'clinic.example')).toMatchObject({ state: 'verified' })
  expect(await json('domains', 'show', String(added['id']))).toMatchObject({ state: 'verified' })
  const { stdout } = await latchkey('domains', 'list', '--organization', organization)
  expect(stdout).toMatch(/clinic\.example +verified/)
  expect((await latchkey('domains', 'remove', 'clinic.example', '--organization', organization)).stdout).toBe(
    'Removed clinic.example.\n',
  )
})

test('a connection is set up with its secret from a file, changed, tested and not yet made active', async () => {
  const [secret, mapping] = [join(folder, 'secret'), join(folder, 'mapping.yaml')]
  await writeFile(secret, 'theClientSecret\n')
  await writeFile(
    mapping,
    'roles:\n  - {claim: groups, value: nurses, service: clinic, role: patients:read}\n',
  )
  const given = [
    '--name',
    'SSO',
    '--issuer',
    provider.issuer,
    '--client-secret-file',
    secret,
    '--mapping',
    mapping,
  ]
  const made = await json('connections', 'create', ...given, '--default-role', 'clinic=patients:read')
  expect(made).toMatchObject({
    ...{ state: 'draft', client_id: null, client_secret_set: true, scopes: ['openid', 'email', 'profile'] },
    redirect_uri: `${address}/connections/${String(made['id'])}/callback`,
    mapping: { roles: [{ claim: 'groups', value: 'nurses' }], default_roles: [{ role: 'patients:read' }] },
  })
  expect(JSON.stringify(made)).not.toContain(await readFile(secret, 'utf8').then((text) => text.trim()))
  const changed = await json(
    'connections',
    'edit',
    'SSO',
    '--client-id',
    'latchkey',
    '--domain',
    'Clinic.example',
  )
  expect(changed).toMatchObject({ client_id: 'latchkey', domains: ['clinic.example'] })
  const begun = await json('connections', 'test', 'SSO')
  expect(String(begun['url'])).toMatch(`${provider.issuer}/authorize?`)
  expect(await json('connections', 'test', 'SSO', '--result')).toMatchObject({
    state: 'under_way',
    claims: {},
  })
  const early = await latchkey('connections', 'activate', 'SSO', '--required', '--organization', organization)
  expect(early.stderr).toContain('[connection_state]')
  expect(await json('connections', 'disable', 'SSO')).toMatchObject({ state: 'disabled' })
  expect((await latchkey('connections', 'list', '--organization', organization)).stdout).toContain('SSO')
  expect((await latchkey('connections', 'delete', 'SSO', '--organization', organization)).code).toBe(0)
})

test('an issuer that cannot be used is refused with what was met', async () => {
  const given = ['--name', 'SSO', '--issuer', provider.issuer, '--organization', organization]
  provider.will({ discovery: (usual) => ({ ...usual, issuer: `${provider.issuer}/tenant` }) })
  const { code, stderr } = await latchkey('connections', 'create', ...given)
  expect(code).toBe(1)
  expect(stderr).toContain('[connection_refused]')
  expect(stderr).toContain(`calls itself ${provider.issuer}/tenant`)
})
