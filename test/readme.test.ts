import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { Browser, type Page } from '../examples/clinic/demo/browser.ts'
import { anyFreePort } from '../examples/clinic/demo/free-port.ts'
import { type LatchkeyProcess, startLatchkey } from '../examples/clinic/demo/latchkey-process.ts'
import { startNameServer } from '../examples/clinic/demo/name-server.ts'
import { startIdentityProvider } from '../examples/identity-provider/identity-provider.ts'

const root = new URL('..', import.meta.url).pathname
const readme = await readFile(join(root, 'README.md'), 'utf8')
const mcpPage = await readFile(join(root, 'examples/mcp-server/README.md'), 'utf8')

const tom = {
  ...{ id: 'p-1', email: 'tom@willow-lane.example', name: 'Tom Ruiz', groups: [] },
  password: 'not a secret, and for this run',
}
const Registered = z.object({
  client_id: z.string(),
  client_secret: z.string(),
  registration_client_uri: z.string(),
  registration_access_token: z.string(),
})

const linkIn = (told: string): string => told.match(/http\S+/g)?.at(-1) ?? ''

/** Fenced blocks by the name that stands in a comment before them. */
const blocks = new Map(
  Array.from(
    `${readme}${mcpPage}`.matchAll(/<!-- test: (\w+) -->\n\n?```\w+\n(.*?)```/gs),
    ([, name, code]) => [name, code],
  ),
)

/** The shape of an id, which no two deployments have alike. */
const anyId = (prefix: string) => new RegExp(`${prefix}_[0-9a-z]{26}`, 'g')
const Listed = z.object({ items: z.array(z.looseObject({ id: z.string() })) })
const Id = z.looseObject({ id: z.string() })

/** Each command is a process of its own, which a busy machine starts slowly. */
const timeout = 120_000

describe('the examples of the README, and of the page on MCP servers, word for word, on a fresh start', {
  timeout,
}, () => {
  let folder: string
  let latchkey: LatchkeyProcess
  let nameServer: Awaited<ReturnType<typeof startNameServer>>
  let provider: Awaited<ReturnType<typeof startIdentityProvider>>
  let ports: { latchkey: number; clinic: number; rounds: number; mcp: number; guard: number }
  const children: ChildProcess[] = []
  /** Of the person whom a customer has invited. */
  const wren = new Browser()

  const block = (name: string): string => {
    const code = blocks.get(name)
    if (code === undefined) throw new Error(`the README has no block ${name}`)
    return code
      .replaceAll('localhost:7700', `localhost:${ports.latchkey}`)
      .replaceAll('localhost:7701', `localhost:${ports.clinic}`)
      .replaceAll('localhost:7702', `localhost:${ports.rounds}`)
      .replaceAll('listen(7701', `listen(${ports.clinic}`)
      .replaceAll('localhost:7703', `localhost:${ports.mcp}`)
      .replaceAll('127.0.0.1:9090', `127.0.0.1:${ports.guard}`)
      .replaceAll('listen(7703', `listen(${ports.mcp}`)
  }
  const start = (command: string, args: readonly string[]): ChildProcess => {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('LATCHKEY_'))
    const child = spawn(command, args, {
      cwd: folder,
      env: { ...Object.fromEntries(inherited), ...usualPorts(), XDG_CONFIG_HOME: join(folder, 'home') },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, to be ended with all that it has started.
      detached: true,
    })
    children.push(child)
    return child
  }
  /** Instead of those that the examples take. */
  const usualPorts = () => ({
    CLINIC_PORT: String(ports.clinic),
    CLINIC_LATCHKEY: `http://localhost:${ports.latchkey}`,
    ROUNDS_PORT: String(ports.rounds),
    ROUNDS_API: `http://localhost:${ports.clinic}`,
    ROUNDS_ISSUER: `http://localhost:${ports.latchkey}/clinic`,
  })
  const end = async (child: ChildProcess) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
    process.kill(-child.pid, 'SIGTERM')
    await once(child, 'close')
  }
  const answers = async (url: string): Promise<void> => {
    while ((await fetch(url).catch(() => undefined))?.ok !== true)
      await new Promise((resolve) => setTimeout(resolve, 100))
  }
  /** @returns all that it wrote; throws unless it ended well */
  const run = async (command: string, args: readonly string[]): Promise<string> => {
    const child = start(command, args)
    const { stdout, stderr } = child
    if (stdout === null || stderr === null) throw new Error('its output is not piped')
    const [out, err] = await Promise.all([text(stdout), text(stderr), once(child, 'close')])
    if (child.exitCode !== 0) throw new Error(`${command} ended with ${child.exitCode}:\n${out}${err}`)
    return out
  }
  /** The address that a program tells a person to open. */
  const addressFrom = async (stream: Readable | null): Promise<string> => {
    let told = ''
    for await (const chunk of stream?.iterator({ destroyOnReturn: false }) ?? []) {
      told += String(chunk)
      const [, address] = /(http\S+)\s/.exec(told) ?? []
      if (address !== undefined) return address
    }
    throw new Error(`no address was told:\n${told}`)
  }
  const latchkeyCommand = (...args: string[]) => run('npm', ['run', '--silent', 'latchkey', '--', ...args])
  const sh = (name: string, filledIn = (code: string) => code) =>
    run('bash', ['-euo', 'pipefail', '-c', filledIn(block(name))])
  const node = ['--conditions=latchkey-source']

  beforeAll(async () => {
    // A folder with the repository's files in it, so that what the examples write is written there.
    folder = await mkdtemp(join(tmpdir(), 'latchkey-readme-'))
    const hidden = new Set(['data', '.git'])
    for (const name of await readdir(root))
      if (!hidden.has(name)) await symlink(join(root, name), join(folder, name))
    ports = {
      ...{ latchkey: await anyFreePort(), clinic: await anyFreePort() },
      ...{ rounds: await anyFreePort(), mcp: await anyFreePort(), guard: await anyFreePort() },
    }
    nameServer = await startNameServer()
    provider = await startIdentityProvider({
      ...{ name: 'Willow Lane', people: [tom], port: await anyFreePort() },
    })
    latchkey = startLatchkey(join(folder, 'data'), ports.latchkey, {
      LATCHKEY_NAME_SERVERS: nameServer.address,
      LATCHKEY_ALLOW_PRIVATE_ADDRESSES_IN_DEVELOPMENT: 'true',
      LATCHKEY_DECISION_LOG: 'denials',
    })
    await latchkey.ready()
  })
  afterAll(async () => {
    for (const child of children) await end(child)
    await latchkey.stop()
    provider.close()
    nameServer.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('the command makes a service, an organization and keys', async () => {
    const told = await sh('setup')
    expect(told).toContain('harbour-street')
    expect(await readFile(join(folder, 'display.env'), 'utf8')).toMatch(/^CLIENT_SECRET=lk_live_\w+$/m)
  })

  test('an API is guarded, a machine calls it, and so does curl', async () => {
    await writeFile(join(folder, 'api.js'), block('api'))
    await writeFile(join(folder, 'machine.js'), block('machine'))
    const api = start(process.execPath, ['--env-file=guard.env', ...node, 'api.js'])
    await Promise.race([once(api.stdout ?? api, 'data'), once(api, 'close')])
    expect(api.exitCode).toBeNull()

    const machine = await run(process.execPath, ['--env-file=display.env', ...node, 'machine.js'])
    expect(machine).toMatch(/^200 .*listPatients/s)

    const [allowed, refused] = (await sh('curl')).trim().split('\n')
    expect(allowed).toMatch(/"operation":"listPatients".* 200$/)
    expect(refused).toMatch(/"operation_not_in_role".* 403$/)
    await end(api)
  })

  test('a guard stands beside a gateway', async () => {
    const guard = start('bash', ['-euo', 'pipefail', '-c', block('gateway')])
    const address = `http://127.0.0.1:${ports.guard}`
    await answers(`${address}/readyz`)
    const ask = async (target: string) => {
      const headers = { 'x-original-method': 'GET', 'x-original-uri': target }
      return (await fetch(`${address}/forward-auth`, { headers })).status
    }
    expect([await ask('/status'), await ask('/patients')]).toEqual([200, 401])
    await end(guard)
  })

  test('an app acts for a person, until the person takes that back', async () => {
    const email = 'wren@harbour.example'
    const password = randomBytes(12).toString('base64url')
    const browser = wren
    const link = linkIn(await sh('people'))
    await browser.press(await browser.open(link), 'Set the password', { new_password: password })
    const used = await browser.open(link)
    expect(used.status).toBe(410)
    expect(used.root.querySelector('main a')?.text).toBe('Sign in')

    start('bash', ['-c', block('rounds')])
    const rounds = `http://localhost:${ports.rounds}`
    await Promise.all([answers(`http://localhost:${ports.clinic}/status`), answers(rounds)])
    const atLatchkey = await browser.press(await browser.open(rounds), 'Sign in with Clinic records')
    const codeAsked = await browser.press(atLatchkey, 'Continue', { email })
    const mail = await latchkeyCommand('mails', 'read', email)
    const code = /\b\d{6}\b/.exec(mail)?.[0] ?? ''
    const passwordAsked = await browser.press(codeAsked, 'Continue', { code })
    const consentAsked = await browser.press(passwordAsked, 'Sign in', { password })
    expect(consentAsked.text).toContain('See the practice’s patients')
    const allowed = await browser.press(consentAsked, 'Allow')
    expect(allowed).toMatchObject({ status: 200, title: 'Today’s round' })
    expect(allowed.text).toContain(email)

    const account = await browser.open(`http://localhost:${ports.latchkey}/clinic/login`)
    await browser.press(account, 'Take back')
    await expect
      .poll(async () => (await browser.open(rounds)).title, { timeout: 1_000 })
      .toBe('Sign in again')
  })

  test('a customer’s people sign in at its own provider', async () => {
    const told = await sh('domain')
    nameServer.publish('_latchkey.willow-lane.example', /latchkey-domain=\S+/.exec(told)?.[0] ?? '')
    const client = await register('http://localhost:1/not-known-yet')
    await writeFile(join(folder, 'secret.txt'), client.client_secret)
    const made = await sh('connection', (code) =>
      code
        .replace('https://idp.willow-lane.example', provider.issuer)
        .replace('id latchkey', `id ${client.client_id}`),
    )
    await changeRedirect(client, /http\S+\/callback/.exec(made)?.[0] ?? '')
    const tried = await signInAtProvider(new Browser(), linkIn(made))
    expect(tried.title).toContain('The connection works')
    expect(await sh('activate')).toMatch(/passed.*active/s)

    const browser = new Browser()
    const atLatchkey = await browser.press(
      await browser.open(`http://localhost:${ports.rounds}`),
      'Sign in with',
    )
    const consent = await signInAtProvider(browser, atLatchkey)
    expect(consent.text).toContain(tom.email)
    const allowed = await browser.press(consent, 'Allow')
    expect(allowed).toMatchObject({ status: 200, title: 'Today’s round' })
  })

  test('a program gets tokens of the person who runs it, asked once', async () => {
    await sh('desk')
    expect(await readFile(join(folder, 'desk.env'), 'utf8')).toMatch(
      /^CLIENT_ID=key_\w+\nTOKEN_ENDPOINT=\S+\n$/,
    )
    await writeFile(join(folder, 'tool.js'), block('tool'))
    const tool = () => start(process.execPath, ['--env-file=desk.env', ...node, 'tool.js'])
    const first = tool()
    await wren.press(await wren.open(await addressFrom(first.stdout)), 'Allow')
    await once(first, 'close')
    const again = tool()
    expect(await text(again.stdout ?? Readable.from([]))).toBe('200\n')
    expect((await stat(join(folder, 'desk-tokens.json'))).mode & 0o777).toBe(0o600)
  })

  test('an MCP client finds by the address alone where to register, and does', async () => {
    await writeFile(join(folder, 'mcp.yaml'), block('document'))
    await sh('assistant')
    await writeFile(join(folder, 'mcp.js'), block('mcp'))
    const server = start(process.execPath, ['--env-file=assistant.env', ...node, 'mcp.js'])
    await Promise.race([once(server.stdout ?? server, 'data'), once(server, 'close')])
    const refused = await fetch(`http://localhost:${ports.mcp}/mcp`, { method: 'POST' })
    expect(refused.status).toBe(401)
    const found = /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate') ?? '')?.[1] ?? ''
    const metadata = z
      .object({ authorization_servers: z.tuple([z.string()]), scopes_supported: z.array(z.string()) })
      .parse(await (await fetch(found)).json())
    const [issuer] = metadata.authorization_servers
    expect(metadata.scopes_supported).toEqual(['assistant'])
    const { origin, pathname } = new URL(issuer)
    const { registration_endpoint: registration } = z
      .object({ registration_endpoint: z.string() })
      .parse(await (await fetch(`${origin}/.well-known/oauth-authorization-server${pathname}`)).json())
    const registered = await fetch(registration, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ client_name: 'Some MCP client', redirect_uris: ['http://127.0.0.1/callback'] },
        ...{ application_type: 'native', token_endpoint_auth_method: 'none', scope: 'assistant' },
      }),
    })
    expect([registered.status, await registered.text()]).toEqual([201, expect.stringContaining('client_id')])
    await end(server)
  })

  test('a customer’s administrator signs in to the command', async () => {
    const email = 'ines@harbour.example'
    const password = randomBytes(12).toString('base64url')
    const browser = new Browser()
    const link = linkIn(await sh('administrator'))
    await browser.press(await browser.open(link), 'Set the password', { new_password: password })

    const command = start('bash', ['-euo', 'pipefail', '-c', block('login')])
    const told = text(command.stdout ?? Readable.from([]))
    const emailAsked = await browser.open(await addressFrom(command.stderr))
    const codeAsked = await browser.press(emailAsked, 'Continue', { email })
    // Of the operator, whose key lies there: Ines has a mailbox.
    const mail = await latchkeyCommand('mails', 'read', email, '--key-file', 'data/operator-key.json')
    const code = /\b\d{6}\b/.exec(mail)?.[0] ?? ''
    const passwordAsked = await browser.press(codeAsked, 'Continue', { code })
    await browser.press(await browser.press(passwordAsked, 'Sign in', { password }), 'Allow')
    expect(await told).toMatch(/Signed in at .*ines@harbour\.example.*wren@harbour\.example.*Signed out at /s)
  })

  /** What has to do with resources: from here on the clinic's are known to Latchkey. */
  describe('with resources', { timeout }, () => {
    let ids: { organization: string; key: string; guard: string }
    const jsonOf = async (...args: string[]): Promise<unknown> =>
      JSON.parse(await latchkeyCommand(...args, '--json'))
    /** The README's ids are nobody's. */
    const withOwnIds = (text: string, resource = ''): string =>
      text
        .replace(anyId('res'), resource)
        .replace(anyId('key'), ids.key)
        .replace(anyId('org'), ids.organization)
    const post = async (path: string, body: string) => {
      const answer = await fetch(`http://localhost:${ports.latchkey}${path}`, {
        ...{ method: 'POST', body: withOwnIds(body) },
        headers: { 'content-type': 'application/json', authorization: `Bearer ${ids.guard}` },
      })
      return { status: answer.status, text: await answer.text() }
    }

    beforeAll(async () => {
      const ofHarbourStreet = ['--organization', 'harbour-street']
      const [organization, keys, guard] = await Promise.all([
        jsonOf('organizations', 'show', 'harbour-street'),
        jsonOf('keys', 'list', ...ofHarbourStreet),
        latchkeyCommand('token', '--key-file', 'guard.json'),
      ])
      const key = Listed.parse(keys).items.find(({ name }) => name === 'Waiting room display')?.id ?? ''
      ids = { organization: Id.parse(organization).id, key, guard: guard.trim() }
    }, timeout)

    test('the API tells of one, and the document of what it makes', async () => {
      const told = await post('/clinic/resources', block('resource'))
      expect(told.status, told.text).toBe(200)
      const document = parse(await readFile(join(root, 'examples/clinic/openapi.yaml'), 'utf8'))
      expect(document.paths['/patients'].post).toMatchObject(parse(block('creates')).post)
    })

    test('its owner tags it, and sees who reaches it', async () => {
      const listed = await jsonOf('resources', 'list', '--organization', 'harbour-street')
      const [resource] = Listed.parse(listed).items
      const told = await sh('tags', (code) => withOwnIds(code, resource?.id))
      expect(told.trimEnd().split('\n').at(-1)).toMatch(/^res_\w+ +\/patients\/7 +owned +getPatient/)
    })

    test('a role with conditions and fields is made, and an edit of it is looked at', async () => {
      const policy = block('policy')
      await writeFile(join(folder, 'ward.yaml'), policy)
      await writeFile(join(folder, 'ward-2.yaml'), policy.replace('[name]', '[name, born]'))
      expect(await sh('roles')).toMatch(/^changes\.widened +replacePatient$/m)
    })

    test('a decision is asked for over HTTP, and comes out as it is shown', async () => {
      const [head = '', body = ''] = block('decide').split('\n\n')
      const token = await run(process.execPath, [
        ...['--env-file=display.env', ...node, '--input-type=module', '--eval'],
        block('machine').replace(/const answer.*/s, 'console.log(await tokens.token())'),
      ])
      const asked = body.replace('eyJ…', token.trim())
      const { status, text } = await post(/POST (\S+)/.exec(head)?.[1] ?? '', asked)
      const [expected, own] = [block('decided'), text].map((one) => one.replace(anyId('dec'), 'dec_'))
      expect([status, JSON.parse(own ?? '')]).toEqual([200, JSON.parse(expected ?? '')])
    })

    test('an AuthZEN evaluation comes out as it is shown', async () => {
      const { status, text } = await post('/clinic/access/v1/evaluation', block('authzen'))
      const [expected, own] = [block('evaluated'), text].map((one) => one.replace(anyId('dec'), 'dec_'))
      expect([status, JSON.parse(own ?? '')]).toEqual([200, JSON.parse(expected ?? '')])
    })

    test('a denial is explained as it is shown, and is in the log', async () => {
      expect(await sh('explain', withOwnIds)).toBe(withOwnIds(block('explained')))
      expect(await sh('decisions')).toMatch(
        /denied +operation_not_in_role +PUT +\/patients\/\{patientId\} +patientId=7/,
      )
    })

    test('another organization takes a role for a while', async () => {
      const made = await sh('assumption')
      const id = anyId('asm').exec(made)?.[0] ?? ''
      await writeFile(join(folder, 'assume.js'), block('assume').replace(anyId('asm'), id))
      expect(await run(process.execPath, ['--env-file=rounds.env', ...node, 'assume.js'])).toBe('200\n')
    })
  })

  const register = async (redirectUri: string) => {
    const answer = await fetch(`${provider.issuer}/reg`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${provider.registrationToken}`,
      },
      body: JSON.stringify({ redirect_uris: [redirectUri] }),
    })
    return Registered.parse(await answer.json())
  }
  const changeRedirect = async (client: z.output<typeof Registered>, redirectUri: string) => {
    const { registration_client_uri: url, registration_access_token: token, ...known } = client
    const answer = await fetch(url, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ ...known, redirect_uris: [redirectUri] }),
    })
    expect(answer.status).toBe(200)
  }
  /** From an address or page that asks who one is. */
  const signInAtProvider = async (browser: Browser, from: string | Page): Promise<Page> => {
    const there =
      typeof from === 'string'
        ? await browser.open(from)
        : await browser.press(from, 'Continue', { email: tom.email })
    expect(there.title).toBe('Willow Lane')
    return browser.press(there, 'Sign in', { email: tom.email, password: tom.password })
  }
})

describe('the README’s tables are whole', () => {
  test('every variable of the configuration is there, and no other', async () => {
    const source = await readFile(join(root, 'src/config.ts'), 'utf8')
    const known = new Set(source.match(/^ {4}LATCHKEY_\w+/gm)?.map((name) => name.trim()))
    const rows = Array.from(readme.matchAll(/^\| `(LATCHKEY_\w+)` +\| \S/gm), ([, name]) => name)
    expect(rows.toSorted()).toEqual([...known].toSorted())
  })

  test('every folder and file of the sources has its line in src/README.md, and no other', async () => {
    const text = await readFile(join(root, 'src/README.md'), 'utf8')
    const first = Array.from(text.matchAll(/^\| (`[^|]+) \|/gm), ([, cell = '']) => cell)
    const told = first.flatMap((cell) => cell.match(/[\w.-]+(?=\/?`)/g) ?? [])
    const there = (await readdir(join(root, 'src'))).filter((name) => name !== 'README.md')
    expect(told.toSorted()).toEqual(there.toSorted())
  })

  test('every dependency is there, with its reason, and no other', async () => {
    const manifest = z
      .object({ dependencies: z.record(z.string(), z.string()) })
      .parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')))
    const section = readme.slice(readme.indexOf('## Dependencies'))
    const rows = Array.from(section.matchAll(/^\| `([^`]+)` +\| \S/gm), ([, name]) => name)
    expect(rows.toSorted()).toEqual(Object.keys(manifest.dependencies).toSorted())
  })
})
