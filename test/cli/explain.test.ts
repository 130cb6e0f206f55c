import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { anyFreePort } from '../../examples/clinic/demo/free-port.ts'
import { type LatchkeyProcess, startLatchkey } from '../../examples/clinic/demo/latchkey-process.ts'
import { type Ran, runLatchkey } from './run-latchkey.ts'

const document = new URL('../../examples/clinic/openapi.yaml', import.meta.url).pathname
const Made = z.looseObject({ id: z.string() })

let folder: string
let server: LatchkeyProcess
let acme: string
const latchkey = (...args: string[]): Promise<Ran> => runLatchkey(args, { cwd: folder })
const explain = (...args: string[]): Promise<Ran> =>
  latchkey('explain', ...args, '--service', 'clinic', '--key-file', 'guard.json')

async function made(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await latchkey(...args, '--json')
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return Made.parse(JSON.parse(stdout)).id
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-explain-'))
  server = startLatchkey(join(folder, 'data'), await anyFreePort())
  await server.ready()
  await made('services', 'import', document, '--slug', 'clinic', '--yes')
  acme = await made('organizations', 'create', '--slug', 'acme', '--name', 'Acme')
  const guard = ['--service', 'latchkey', '--role', 'guard', '--guards', 'clinic', '--name', 'Guard']
  await made('keys', 'create', ...guard, '--output', 'guard.json')
}, 60_000)
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

describe('latchkey explain', () => {
  test('shows people a tree of what was tried, and what would change it', async () => {
    const reader = ['--organization', acme, '--role', 'patients:read']
    const { stdout, stderr, code } = await explain('put', '/patients/7', ...reader)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout.split('\n')).toEqual([
      '✗ PUT /patients/7 is denied: operation_not_in_role',
      '  No statement of the roles names the operation.',
      `  The key key_made_up of ${acme} holds patients:read.`,
      '',
      '✗ replacePatient  PUT /patients/{patientId}: operation_not_in_role',
      '├ ✗ roles of the principal',
      '│ └ ✗ patients:read: does not name the operation',
      '└ ✓ what the organization may use',
      '  └ ✓ patients:write',
      '    └ ✓ security patients:write: allowed',
      '',
      'Any one of these would have it allowed:',
      '  1. give the key the role patients:write',
      '',
    ])
  })

  test('shows the part of a condition that failed, with the values on both sides', async () => {
    const allow = [{ operations: ['getPatient'], where: "$principalTags:ward = 'north'" }]
    await writeFile(join(folder, 'ward.json'), JSON.stringify({ allow }))
    const names = ['--service', 'clinic', '--organization', 'acme', '--name', 'Ward']
    const role = await made('roles', 'create', ...names, '--file', 'ward.json')
    const person = ['--organization', acme, '--kind', 'user', '--role', role, '--tag', 'ward=south']
    const { stdout } = await explain('GET', '/patients/7', ...person)
    expect(stdout).toContain(`✗ ${role} /allow/0: condition_false`)
    expect(stdout).toContain("└ $principalTags:ward = 'north' is false")
    expect(stdout).toContain('└ $principalTags:ward is south')
    expect(stdout).toContain('tag the person ward=north')
  })

  test('names a resource and its owner as they are written', async () => {
    const path = '/patients/snow_white'
    const token = await latchkey('token', '--key-file', 'guard.json')
    const answer = await fetch(`${server.origin}/clinic/resources`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token.stdout.trim()}` },
      body: JSON.stringify({ path, organization: acme }),
    })
    expect(answer.status).toBe(200)
    await made('resources', 'rules', 'clinic', '--known-by', 'latchkey')
    const { stdout } = await explain('GET', path, '--organization', acme, '--role', 'patients:read')
    expect(stdout).toContain(`└ ✓ resource /patients/{snow_white} of ${acme}: owned\n`)
    await made('resources', 'rules', 'clinic', '--known-by', 'api', '--yes')
  })

  test('with --json gives the answer as it is, for a key by its name and for its token', async () => {
    const own = ['--service', 'clinic', '--organization', 'acme', '--name', 'Reader']
    const key = await made('keys', 'create', ...own, '--role', 'patients:read', '--output', 'reader.json')
    const token = await latchkey('token', '--key-file', 'reader.json')
    await writeFile(join(folder, 'token.txt'), token.stdout)
    const byName = await explain('GET', '/patients/7', '--principal', key, '--json')
    expect(JSON.parse(byName.stdout)).toMatchObject({
      decision: { allowed: true, role: 'patients:read' },
      principal: { id: key, organization_id: acme },
    })
    const byToken = await explain('GET', '/patients/7', '--token-file', 'token.txt', '--json')
    expect(JSON.parse(byToken.stdout)).toEqual(JSON.parse(byName.stdout))
  })

  test('tells of a token that is not valid what it says, and had to say', async () => {
    const { stdout: token } = await latchkey('token', '--key-file', 'guard.json')
    await writeFile(join(folder, 'other.txt'), token)
    const { stdout, code } = await explain('GET', '/patients/7', '--token-file', 'other.txt')
    expect(code).toBe(0)
    expect(stdout).toContain('✗ GET /patients/7 is denied: invalid_token')
    expect(stdout).toMatch(/✗ iss says http:\/\/\S+\/latchkey, and must be: http:\/\/\S+\/clinic\n/)
    expect(stdout).not.toContain(token.slice(0, 40))
  })

  test('refuses what it cannot ask, and says what to give', async () => {
    const [nobody, two, misspelt, noGuard, idle] = await Promise.all([
      explain('GET', '/patients/7'),
      explain('GET', '/', '--principal', 'key_x', '--organization', acme),
      explain('GET', '/', '--organization', acme, '--role', 'patients:red'),
      latchkey('explain', 'GET', '/', '--service', 'clinic', '--principal', 'key_x'),
      explain('GET', '/', '--principal', 'key_x', '--role', 'admin', '--tag', 'ward=north'),
    ])
    expect([nobody.code, nobody.stderr]).toEqual([2, expect.stringContaining('--token-file')])
    expect([two.code, two.stderr]).toEqual([2, expect.stringContaining('not several')])
    expect([misspelt.code, misspelt.stderr]).toEqual([1, expect.stringContaining('/made_up/roles/0')])
    expect(misspelt.stderr).toContain('patients:read')
    expect([noGuard.code, noGuard.stderr]).toEqual([1, expect.stringContaining('--role guard --guards')])
    expect([idle.code, idle.stderr]).toEqual([
      2,
      expect.stringContaining('--role, --tag would change nothing'),
    ])
  })
})

describe('latchkey decide', () => {
  const decide = (...args: string[]): Promise<Ran> =>
    latchkey('decide', ...args, '--service', 'clinic', '--key-file', 'guard.json')
  const reader = () => ['--organization', acme, '--role', 'patients:read']

  test('ends with 0 where it is allowed, and with 1 where it is denied', async () => {
    const [allowed, denied] = await Promise.all([
      decide('get', '/patients/7', ...reader()),
      decide('PUT', '/patients/7', ...reader()),
    ])
    expect(allowed).toEqual({
      ...{ code: 0, stderr: '' },
      stdout:
        '✓ GET /patients/7 is allowed: allowed\n' +
        '  A statement of each side allows it.\n' +
        '  It is by the role patients:read.\n',
    })
    expect(denied).toEqual({
      ...{ code: 1, stderr: '' },
      stdout:
        '✗ PUT /patients/7 is denied: operation_not_in_role\n' +
        '  No statement of the roles names the operation.\n' +
        '  `latchkey explain` tells what was tried, and what would change it.\n',
    })
  })

  test('with --json gives the decision as it is, of a key by its id and of its token', async () => {
    const own = ['--service', 'clinic', '--organization', 'acme', '--name', 'Decider']
    const key = await made('keys', 'create', ...own, '--role', 'patients:read', '--output', 'decider.json')
    const token = await latchkey('token', '--key-file', 'decider.json')
    await writeFile(join(folder, 'decider.txt'), token.stdout)
    const [byId, byToken] = await Promise.all([
      decide('PUT', '/patients/7', '--principal', key, '--json'),
      decide('GET', '/patients/7?x=1', '--token-file', 'decider.txt', '--json'),
    ])
    expect([byId.code, JSON.parse(byId.stdout)]).toMatchObject([
      1,
      { allowed: false, reason: 'operation_not_in_role', operation: 'replacePatient', role: null },
    ])
    expect([byToken.code, JSON.parse(byToken.stdout)]).toMatchObject([
      0,
      { allowed: true, operation: 'getPatient', parameters: { patientId: '7' }, role: 'patients:read' },
    ])
  })

  test('ends with neither where nothing was decided', async () => {
    const [misspelt, noGuard, nobody, noPath] = await Promise.all([
      decide('GET', '/', '--organization', acme, '--role', 'patients:red', '--json'),
      latchkey('decide', 'GET', '/', '--service', 'clinic', '--principal', 'key_x'),
      decide('GET', '/patients/7'),
      decide('GET', 'patients/7', ...reader()),
    ])
    expect([misspelt.code, misspelt.stdout, JSON.parse(misspelt.stderr)]).toMatchObject([
      ...[2, ''],
      { code: 'invalid_request' },
    ])
    expect([noGuard.code, noGuard.stderr]).toEqual([2, expect.stringContaining('--role guard --guards')])
    expect([nobody.code, nobody.stderr]).toEqual([2, expect.stringContaining('--token-file')])
    expect([noPath.code, noPath.stderr]).toEqual([2, expect.stringContaining('begin it with /')])
  })
})
