import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { anyFreePort } from '../../examples/clinic/demo/free-port.ts'
import { type LatchkeyProcess, startLatchkey } from '../../examples/clinic/demo/latchkey-process.ts'
import { type Ran, runLatchkey } from './run-latchkey.ts'

const document = new URL('../../examples/clinic/openapi.yaml', import.meta.url).pathname
const Made = z.looseObject({ id: z.string() })
const Page = z.object({ items: z.array(z.looseObject({})), next_cursor: z.string().nullable() })

let folder: string
let server: LatchkeyProcess

/** As the operator: the folder is where its key file lies by default. */
const latchkey = (...args: string[]): Promise<Ran> => runLatchkey(args, { cwd: folder })
/** What a program reads; fails unless the command ended well. */
async function json(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await latchkey(...args, '--json')
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return JSON.parse(stdout)
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-cli-'))
  server = startLatchkey(join(folder, 'data'), await anyFreePort())
  await server.ready()
  await json('organizations', 'create', '--slug', 'acme', '--name', 'Acme')
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

describe('services', () => {
  test('an import first says what it opens, and goes on with that confirmation alone', async () => {
    const args = ['services', 'import', document, '--slug', 'clinic']
    const asked = await latchkey(...args)
    expect(asked.code).toBe(1)
    expect(asked.stdout).toContain('Anybody may call, without a token: getStatus')
    expect(asked.stdout).toContain('Role patients:read gains: listPatients, getPatient')
    const confirmation = /--confirm (\S+)/.exec(asked.stderr)?.[1] ?? ''

    const wrong = await latchkey(...args, '--confirm', 'x'.repeat(43))
    expect(wrong.code).toBe(1)
    expect(wrong.stderr).toContain('[confirmation_required]')

    const made = await json(...args, '--confirm', confirmation)
    expect(made).toMatchObject({ slug: 'clinic', operation_count: 8 })
  })

  test('a document with faults is refused with each, and its place', async () => {
    const content = 'openapi: 3.1.0\ninfo: {title: x, version: "1"}\npaths: {/a: {get: {responses: 5}}}'
    const { code, stderr } = await runLatchkey(['services', 'import', '-', '--slug', 'faulty', '--yes'], {
      cwd: folder,
      input: content,
    })
    expect(code).toBe(1)
    expect(stderr).toContain('[document_refused]')
    expect(stderr).toMatch(/^ {2}\/\S*: /m)
    expect(stderr).toMatch(/^Request id: req_/m)
  })

  test('the document comes back as it was sent', async () => {
    const { stdout } = await latchkey('services', 'document', 'clinic')
    expect(stdout).toBe(await readFile(document, 'utf8'))
  })

  test('how people sign in is shown, and changed in what is given', async () => {
    const logo = join(folder, 'logo.png')
    await writeFile(logo, Buffer.from('\x89PNG\r\n\x1a\n rest', 'latin1'))
    const settings = join(folder, 'settings.json')
    await writeFile(settings, JSON.stringify({ acr_values: ['urn:example:strong'] }))
    const all = ['--name', 'The Clinic', '--colour', '#0b6b3a', '--logo', logo, '--settings', settings]
    expect(await json('services', 'sign-in', 'clinic', ...all)).toMatchObject({
      brand: { name: 'The Clinic', colour: '#0b6b3a', logo: { media_type: 'image/png' } },
      acr_values: ['urn:example:strong'],
    })
    const taken = await json('services', 'sign-in', 'clinic', '--logo', 'none', '--colour', 'none')
    expect(taken).toMatchObject({ brand: { name: 'The Clinic', colour: null, logo: null } })
    expect(await json('services', 'sign-in', 'clinic')).toEqual(taken)
  })

  test('a logo that is no picture is refused, and so are files that cannot be read', async () => {
    await writeFile(join(folder, 'logo.svg'), '<svg/>')
    const refused = await latchkey('services', 'sign-in', 'clinic', '--logo', join(folder, 'logo.svg'))
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('is no PNG, JPEG or WebP picture')
    for (const option of ['--logo', '--settings'])
      expect((await latchkey('services', 'sign-in', 'clinic', option, join(folder, 'nothing'))).code).toBe(2)
  })

  test('a list is a table without escape sequences where it is no terminal', async () => {
    const { stdout } = await latchkey('services', 'operations', 'clinic')
    const [titles, first] = stdout.split('\n')
    expect(titles).toMatch(/^ID +METHOD +PATH +PUBLIC +SUMMARY$/)
    expect(first).toMatch(/^getStatus +GET +\/status +true +Whether/)
    expect(stdout).not.toContain('\u001b')
  })

  test('of a list programs get all pages, or one with --limit', async () => {
    const whole = Page.parse(await json('services', 'operations', 'clinic'))
    expect(whole.items).toHaveLength(8)
    const first = Page.parse(await json('services', 'operations', 'clinic', '--limit', '5'))
    expect(first.items).toHaveLength(5)
    const rest = Page.parse(
      await json('services', 'operations', 'clinic', '--limit', '5', '--cursor', first.next_cursor ?? ''),
    )
    expect([...first.items, ...rest.items]).toEqual(whole.items)
  })
})

describe('keys', () => {
  const create = [
    'keys',
    'create',
    '--organization',
    'acme',
    '--service',
    'clinic',
    '--role',
    'patients:read',
  ]

  test('a secret is shown once, with what to do', async () => {
    const { stdout } = await latchkey(...create, '--name', 'Shown')
    expect(stdout).toMatch(/^client secret +lk_live_/m)
    expect(stdout).toContain('it is not shown again')
    const shown = await json('keys', 'show', 'Shown', '--organization', 'acme')
    expect(JSON.stringify(shown)).not.toMatch(/lk_live_\w{60}/)
  })

  test('or written to a new file for its owner alone, which then serves as a key file', async () => {
    const path = join(folder, 'reader.json')
    const { stdout } = await latchkey(...create, '--name', 'Reader', '--output', path)
    expect(stdout).not.toMatch(/lk_live_\w{60}/)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    const token = await latchkey('token', '--key-file', path)
    expect(token.stdout).toMatch(/^eyJ\S+\n$/)
    const decoded = await json('token', '--key-file', path, '--decode')
    expect(decoded).toMatchObject({ header: { typ: 'at+jwt' }, claims: { roles: ['patients:read'] } })
  })

  test('a file that is there is not written over, and costs no key', async () => {
    const path = join(folder, 'data', 'operator-key.json')
    const { code, stderr } = await latchkey(...create, '--name', 'Never', '--output', path)
    expect(code).toBe(2)
    expect(stderr).toContain('cannot be written anew')
    const { items } = Page.parse(await json('keys', 'list', '--organization', 'acme'))
    expect(items.map((key) => key['name'])).not.toContain('Never')
  })

  test('a refused key leaves no empty file behind', async () => {
    const path = join(folder, 'refused.json')
    const args = [...create.slice(0, -1), 'admin', '--name', 'Never', '--output', path]
    expect((await latchkey(...args)).code).toBe(1)
    await expect(stat(path)).rejects.toThrow('ENOENT')
  })

  test('rotating with no grace, and revoking, end the old secret', async () => {
    const path = join(folder, 'ended.json')
    await latchkey(...create, '--name', 'Ended', '--output', path)
    const whose = ['Ended', '--organization', 'acme']
    const rotated = await json('keys', 'rotate', ...whose, '--grace-seconds', '0')
    expect(rotated).toHaveProperty('client_secret')
    const refused = await latchkey('token', '--key-file', path)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('invalid_client')
    expect(refused.stderr).toContain('What to do:')
    const revoked = await json('keys', 'revoke', ...whose, '--reason', 'superseded')
    expect(revoked).toMatchObject({ state: 'revoked', revocation_reason: 'superseded' })
  })

  test('a name that nothing has, or more than one thing, is refused with what to do', async () => {
    const none = await latchkey('keys', 'show', 'Nobody', '--organization', 'acme')
    expect(none.code).toBe(1)
    expect(none.stderr).toContain('no key is called Nobody')
    await latchkey(...create, '--name', 'Twin')
    await latchkey(...create, '--name', 'Twin')
    const two = await latchkey('keys', 'show', 'Twin', '--organization', 'acme')
    expect(two.stderr).toMatch(/2 keys are called Twin\nWhat to do: give the id: key_\w+, key_\w+/)
  })
})

describe('apps and people', () => {
  const acme = ['--organization', 'acme']

  test('an app that acts for people is a key with addresses to come back to', async () => {
    const app = ['--service', 'clinic', '--role', 'patients:read', '--name', 'App', '--public', '--native']
    const back = ['--redirect-uri', 'http://127.0.0.1/callback', '--redirect-uri', 'org.acme.app:/callback']
    const made = await json('keys', 'create', ...acme, ...app, ...back)
    expect(made).toMatchObject({
      ...{ application_type: 'native', authentication: 'none' },
      redirect_uris: ['http://127.0.0.1/callback', 'org.acme.app:/callback'],
    })
  })

  test('a person is invited with roles, found by address, stopped and let in again', async () => {
    const sam = 'sam@acme.example'
    const roles = ['--role', 'clinic=patients:read', '--role', 'clinic=front-desk']
    const invited = await json('users', 'invite', sam, ...acme, '--name', 'Sam', ...roles)
    expect(invited).toMatchObject({
      ...{ email: sam, name: 'Sam', state: 'invited' },
      roles: [{ role: 'patients:read' }, { role: 'front-desk' }],
    })
    const edited = await json('users', 'edit', 'Sam@ACME.example', ...acme, '--role', 'clinic=front-desk')
    expect(edited).toMatchObject({ name: 'Sam', roles: [{ role: 'front-desk' }] })
    expect(await json('users', 'disable', sam, ...acme)).toMatchObject({ state: 'disabled' })
    expect(await json('users', 'enable', sam, ...acme)).toMatchObject({ state: 'invited' })
    expect((await latchkey('users', 'list', ...acme)).stdout).toContain(sam)
    expect((await latchkey('users', 'delete', sam, ...acme)).stdout).toBe(`Deleted ${sam}.\n`)
    const gone = await latchkey('users', 'show', sam, ...acme)
    expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('nobody has the address') })
  })

  test('mails that nobody could deliver are listed, and one is read by the address that it is for', async () => {
    const kim = 'kim@acme.example'
    await json(
      'users',
      'invite',
      kim,
      ...acme,
      '--tag',
      'ward=north',
      '--tag',
      'ward=south',
      '--service',
      'clinic',
    )
    expect(await json('users', 'show', kim, ...acme)).toMatchObject({ tags: { ward: ['north', 'south'] } })
    const linkIn = ({ stdout }: { readonly stdout: string }) =>
      /\/clinic\/login\/invitation\?link=\S+/.exec(stdout)?.[0]
    const first = linkIn(await latchkey('mails', 'read', kim))
    expect(first).toBeDefined()
    await json('users', 'resend-invitation', kim, ...acme, '--service', 'clinic')
    expect(linkIn(await latchkey('mails', 'read', kim))).not.toBe(first)
    const reset = await latchkey('users', 'reset-password', kim, ...acme)
    expect(reset).toMatchObject({ code: 1, stderr: expect.stringContaining('send the invitation again') })
    const all = Page.parse(await json('mails', 'list')).items
    expect(all.filter((mail) => mail['to'] === kim)).toHaveLength(2)
    await latchkey('mails', 'delete', kim)
    expect(Page.parse(await json('mails', 'list')).items).toHaveLength(all.length - 1)
    const none = await latchkey('mails', 'read', 'nobody@acme.example')
    expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('no mail to nobody@acme.example') })
  })

  test('a role that names no service is refused before anything is sent', async () => {
    const { code, stderr } = await latchkey('users', 'invite', 'x@acme.example', ...acme, '--role', 'admin')
    expect(code).toBe(2)
    expect(stderr).toContain('service=role')
  })
})

describe('a customer with its own key', () => {
  test('works in its own organization without naming it, and sees no other', async () => {
    const path = join(folder, 'acme-admin.json')
    const args = [
      '--service',
      'latchkey',
      '--role',
      'organization-admin',
      '--name',
      'Admin',
      '--output',
      path,
    ]
    await latchkey('keys', 'create', '--organization', 'acme', ...args)
    const own = await json('organizations', 'show', '--key-file', path)
    expect(own).toMatchObject({ slug: 'acme' })
    const named = await json('organizations', 'show', 'acme', '--key-file', path)
    expect(named).toEqual(own)
    const others = await latchkey('organizations', 'list', '--key-file', path)
    expect(others.code).toBe(1)
  })
})

describe('roles', () => {
  const whose = ['--organization', 'acme']

  test('are made, changed and deleted by name; what is not given stays', async () => {
    const made = ['--name', 'Desk', '--description', 'At the door', '--operation', 'listPatients']
    await json('roles', 'create', ...whose, '--service', 'clinic', ...made)
    const edited = await json('roles', 'edit', 'Desk', ...whose, '--operation', 'GET /patients/{patientId}')
    expect(edited).toMatchObject({ description: 'At the door', allow: [{ operations: ['getPatient'] }] })
    expect((await latchkey('roles', 'delete', 'Desk', ...whose)).code).toBe(0)
  })

  test('are told what is probably not meant, and kept all the same', async () => {
    const made = ['--service', 'clinic', '--name', 'Tagged', '--operation', 'listPatients']
    const tagged = ['--service', 'clinic', '--role', 'patients:read', '--tag', 'team=core']
    await json('keys', 'create', ...whose, '--name', 'Of the core team', ...tagged)
    await json('roles', 'create', ...whose, ...made)
    const policy = "allow:\n- listPatients\nwhere: $principalTags:taem = 'core'\n"
    const edit = (...options: readonly string[]) => {
      const edited = ['roles', ...options, ...whose, '--policy-file', '-']
      return runLatchkey(edited, { cwd: folder, input: policy })
    }
    const warning = { pointer: '/allow/0/where', fix: 'did you mean $principalTags:team?' }
    const previewed = await edit('preview', 'Tagged', '--json')
    expect(JSON.parse(previewed.stdout)).toMatchObject({ warnings: [warning] })
    expect((await edit('edit', 'Tagged')).stdout).toMatch(
      /^Warning, \/allow\/0\/where: .*taem asks for\. did you mean \$principalTags:team\?$/m,
    )
    expect(await json('roles', 'show', 'Tagged', ...whose)).not.toHaveProperty('warnings')
  })

  test('come from a YAML file, too', async () => {
    const { code, stdout } = await runLatchkey(
      ['roles', 'create', ...whose, '--service', 'clinic', '--file', '-', '--json'],
      { cwd: folder, input: 'name: From file\nallow:\n  - operations: [listPatients]\n' },
    )
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ name: 'From file' })
  })

  test('come as the text of a policy, and keep what they show where only the name changes', async () => {
    const policy = [
      ...[
        'allow:',
        '- GET: /patients',
        '- GET: /patients/{id}',
        "where: $request:id = '7' OR $principal:kind = 'user'",
      ],
      ...['filter:', '- GET:/patients:[name]'],
    ]
    const create = (text: string) =>
      runLatchkey(
        [
          'roles',
          'create',
          ...whose,
          '--service',
          'clinic',
          '--name',
          'Policy',
          '--policy-file',
          '-',
          '--json',
        ],
        { cwd: folder, input: text },
      )
    const refused = await create(policy.join('\n'))
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain(
      'line 4: character 1: the document declares no $request:id of listPatients',
    )
    const { stdout } = await create(policy.join('\n').replace("$request:id = '7' OR ", ''))
    const filter = [{ operations: ['listPatients'], fields: ['name'] }]
    const where = "$principal:kind = 'user'"
    expect(JSON.parse(stdout)).toMatchObject({
      allow: [{ operations: ['listPatients', 'getPatient'], where }],
      filter,
    })
    expect(await json('roles', 'preview', 'Policy', ...whose, '--operation', 'listPatients')).toMatchObject({
      allow: [{ operations: ['listPatients'] }],
      changes: { gains: [], loses: ['getPatient'], widened: ['listPatients'], narrowed: [] },
      holders: [],
    })
    const renamed = await json('roles', 'edit', 'Policy', ...whose, '--name', 'Policy of 2030')
    expect(renamed).toMatchObject({ name: 'Policy of 2030', allow: [{ where }], filter })
  })

  test('a held one is refused with who holds it, and goes with --cascade', async () => {
    const role = Made.parse(
      await json(
        'roles',
        'create',
        ...whose,
        '--service',
        'clinic',
        '--name',
        'Held',
        '--operation',
        'listPatients',
      ),
    )
    await json('keys', 'create', ...whose, '--service', 'clinic', '--role', role.id, '--name', 'Holder')
    const refused = await latchkey('roles', 'delete', 'Held', ...whose)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('[role_held]')
    expect(refused.stderr).toMatch(/holders\[0\]/)
    expect((await latchkey('roles', 'delete', 'Held', ...whose, '--cascade')).code).toBe(0)
  })
})

describe('resources', () => {
  test('are listed by tag and tagged, once the API has told of them', async () => {
    expect(await json('resources', 'rules', 'clinic', '--known-by', 'latchkey')).toMatchObject({
      resources: 'latchkey',
    })
    const back = await latchkey('resources', 'rules', 'clinic', '--known-by', 'api')
    expect(back.stdout).toContain('No longer checked against the caller’s organization')
    expect(back.code).toBe(1)
    const { id } = Made.parse(await json('organizations', 'show', 'acme'))
    const resource = await registered({ path: '/patients/7', organization: id })
    const whose = ['--organization', 'acme']
    const tagged = await json(
      'resources',
      'tag',
      resource,
      ...whose,
      '--tag',
      'ward=north',
      '--tag',
      'ward=south',
    )
    expect(tagged).toMatchObject({ path: '/patients/7', tags: { ward: ['north', 'south'] } })
    const filter = ['--service', 'clinic', '--tag', 'ward=south']
    const { items } = Page.parse(await json('resources', 'list', ...whose, ...filter))
    expect(items).toMatchObject([{ id: resource }])
    expect(await json('resources', 'tag', resource, ...whose, '--tag', 'none')).toMatchObject({ tags: {} })
  })

  test('that a key may reach are listed, by which operations', async () => {
    await json('resources', 'rules', 'clinic', '--known-by', 'latchkey')
    const { id: organization } = Made.parse(await json('organizations', 'show', 'acme'))
    await registered({ path: '/patients/8', organization })
    const whose = ['--organization', 'acme']
    const what = ['--service', 'clinic', '--role', 'patients:read', '--name', 'Reach']
    const { id } = Made.parse(await json('keys', 'create', ...whose, ...what))
    const { stdout } = await latchkey('resources', 'reachable', id, ...whose)
    expect(stdout).toMatch(/\/patients\/8 +owned +.*getPatient/)
    const byName = await latchkey('resources', 'reachable', 'Reach', ...whose)
    expect(byName).toEqual({ code: 0, stderr: '', stdout })
    const [noKey, nobody] = await Promise.all([
      latchkey('resources', 'reachable', 'Nothing', ...whose),
      latchkey('resources', 'reachable', 'nobody@acme.example', ...whose),
    ])
    expect([noKey.code, noKey.stderr]).toEqual([1, expect.stringContaining('latchkey keys list')])
    expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining('latchkey users list')])
    const given = await latchkey('resources', 'rules', 'clinic', '--known-by', 'api', '--yes')
    expect(given.code).toBe(0)
  })

  /** As an API does, with its guard's key. */
  async function registered(body: object): Promise<string> {
    const guard = ['--service', 'latchkey', '--role', 'guard', '--guards', 'clinic', '--name', 'Guard']
    const key = z
      .looseObject({ client_id: z.string(), client_secret: z.string(), token_endpoint: z.string() })
      .parse(await json('keys', 'create', ...guard))
    const basic = Buffer.from(`${key.client_id}:${key.client_secret}`).toString('base64')
    const granted = await fetch(key.token_endpoint, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
    const { access_token: token } = z.looseObject({ access_token: z.string() }).parse(await granted.json())
    const made = await fetch(`${server.origin}/clinic/resources`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return Made.parse(await made.json()).id
  }
})

describe('assumptions', () => {
  const whose = ['--organization', 'acme']

  test('are made, changed and taken back by name; who may assume the role sees them, and gets tokens', async () => {
    const lab = Made.parse(await json('organizations', 'create', '--slug', 'lab', '--name', 'Lab'))
    const what = [
      '--service',
      'clinic',
      '--role',
      'patients:read',
      '--name',
      'Results',
      '--tag',
      'ward=north',
    ]
    const { id } = Made.parse(
      await json('assumptions', 'create', ...whose, '--by', 'lab', ...what, '--life-seconds', '600'),
    )
    expect(await json('assumptions', 'show', 'Results', ...whose)).toMatchObject({
      ...{ id, assuming_organization_id: lab.id, principals: [], life_seconds_max: 600 },
      tags: { ward: ['north'] },
    })
    for (const list of [whose, ['--organization', 'lab', '--received']])
      expect(Page.parse(await json('assumptions', 'list', ...list)).items).toMatchObject([{ id }])

    const file = join(folder, 'lab.json')
    const own = ['--organization', 'lab', '--service', 'clinic', '--role', 'patients:read']
    await latchkey('keys', 'create', ...own, '--name', 'Results', '--output', file)
    const claims = await json('token', '--key-file', file, '--assumption', id, '--decode')
    expect(claims).toMatchObject({ claims: { assumption: id, act: { org_id: lab.id } } })

    const nobody = 'usr_01jz8x6v0kq3m5n7p9r1s3t5v7'
    const changed = await json('assumptions', 'change', 'Results', ...whose, '--principal', nobody)
    expect(changed).toMatchObject({ principals: [nobody], role: 'patients:read' })
    const refused = await latchkey('token', '--key-file', file, '--assumption', id)
    expect(refused.stderr).toContain('invalid_target')
    expect(await json('assumptions', 'change', 'Results', ...whose, '--any-principal')).toMatchObject({
      principals: [],
    })
    expect((await latchkey('assumptions', 'delete', 'Results', ...whose)).code).toBe(0)
    expect(Page.parse(await json('assumptions', 'list', ...whose)).items).toEqual([])
  })
})

describe('entitlements, trails and ends', () => {
  test('an entitlement is set, shown and reset', async () => {
    const between = ['--service', 'clinic', '--organization', 'acme']
    await json('entitlements', 'set', ...between, '--role', 'patients:read')
    expect(await json('entitlements', 'show', ...between)).toMatchObject({
      set: true,
      roles: ['patients:read'],
    })
    expect((await latchkey('entitlements', 'reset', ...between)).code).toBe(0)
    expect(await json('entitlements', 'show', ...between)).toMatchObject({ set: false })
    const { stdout } = await latchkey('entitlements', 'list', '--organization', 'acme')
    expect(stdout).toContain('clinic')
  })

  test('the decision log of an organization, and of a service, is listed', async () => {
    for (const whose of [
      ['--organization', 'acme'],
      ['--of-service', 'clinic'],
    ]) {
      const filters = ['--outcome', 'denied', '--since', '2030-01-01T00:00:00Z']
      expect(Page.parse(await json('decisions', ...whose, ...filters)).items).toEqual([])
      expect((await latchkey('decisions', ...whose)).stdout).toMatch(/^(Nothing yet\.|AT )/)
    }
  })

  test('the audit trail of an organization is listed', async () => {
    const audit = Page.parse(await json('audit', '--organization', 'acme'))
    expect(audit.items.map((event) => event['type'])).toContain('entitlement.changed')
    expect((await latchkey('audit', 'list', '--organization', 'acme')).stdout).toMatch(/^AT /)
  })

  test('an organization is renamed, suspended, reinstated, and deleted only with its slug', async () => {
    await json('organizations', 'create', '--slug', 'short-lived', '--name', 'Short')
    const renamed = await json('organizations', 'rename', 'short-lived', '--name', 'Shorter')
    expect(renamed).toMatchObject({ name: 'Shorter' })
    const suspended = await json('organizations', 'suspend', 'short-lived', '--reason', 'unpaid')
    expect(suspended).toMatchObject({ state: 'suspended' })
    expect(await json('organizations', 'reinstate', 'short-lived')).toMatchObject({ state: 'active' })
    const asked = await latchkey('organizations', 'delete', 'short-lived')
    expect(asked.stdout).toContain('Nothing was deleted')
    const deleted = await latchkey('organizations', 'delete', 'short-lived', '--confirm', 'short-lived')
    expect(deleted.code).toBe(0)
    expect((await latchkey('organizations', 'show', 'short-lived')).code).toBe(1)
  })

  test('with --json a refusal is the problem document itself, on the error stream', async () => {
    const { code, stdout, stderr } = await latchkey('services', 'show', 'nowhere', '--json')
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(JSON.parse(stderr)).toMatchObject({ status: 404, code: 'service_not_found' })
  })

  test('a service is deleted only with its slug', async () => {
    const asked = await latchkey('services', 'delete', 'clinic')
    expect(asked.code).toBe(1)
    expect(asked.stderr).toContain('[confirmation_required]')
    expect((await latchkey('services', 'delete', 'clinic', '--confirm', 'clinic')).code).toBe(0)
  })
})
