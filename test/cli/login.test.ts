import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { clientKeys } from '../../src/client-keys/client-key.ts'
import { commandClientId, parseId } from '../../src/ids.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import { remove, update } from '../../src/storage/ports.ts'
import { passwordHasher } from '../../src/users/argon2.ts'
import { findUser } from '../../src/users/find-user.ts'
import { users } from '../../src/users/user.ts'
import { Browser, type Seen } from '../oauth/browser.ts'
import { type Deployment, newDeploymentSecret, startDeployment } from '../server/deployment.ts'
import { type Ran, runLatchkey } from './run-latchkey.ts'

const password = 'correct horse battery staple'
const secret = newDeploymentSecret()
let deployment: Deployment
let storeFolder: string
let home: string
let customer: string

beforeAll(async () => {
  storeFolder = await mkdtemp(join(tmpdir(), 'latchkey-store-'))
  deployment = await startDeployment({
    store: { kind: 'sqlite', path: join(storeFolder, 'db') },
    secrets: [secret],
  })
  const { operator } = deployment
  customer = await operator.makeOrganization('North')
  await comesIn('olga@operator.example', operator.organizationId, 'admin')
  await comesIn('ann@north.example', customer, 'organization-admin')
  await comesIn('bob@north.example', customer, 'organization-viewer')
})
afterAll(async () => {
  await deployment.stop()
  await rm(storeFolder, { recursive: true })
})
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'latchkey-home-'))
})
afterEach(() => rm(home, { recursive: true }))

/** Somebody who has been invited and has chosen a password. */
async function comesIn(email: string, organizationId: string, role: string): Promise<void> {
  const { operator } = deployment
  const id = parseId(
    'usr',
    await operator.makeUser(organizationId, { email, roles: [{ service: 'latchkey', role }] }),
  )
  const store = await openSqlite({ path: join(storeFolder, 'db'), clock: Date.now })
  const before = id && (await findUser(store.records, id))
  if (before === undefined) throw new Error(`${email} was not invited`)
  const hash = await passwordHasher(randomBytes).hash(password)
  const sealedHash = deploymentSecrets([secret], randomBytes).seal('passwords', before.id, Buffer.from(hash))
  const came = { state: { kind: 'active' }, emailVerifiedAt: Date.now() } as const
  await store.commit([
    update(users, before, { ...before, ...came, password: { sealedHash, changedAt: Date.now() } }),
  ])
  await store.close()
}

const env = () => ({ XDG_CONFIG_HOME: home, LATCHKEY_CLI_SERVER: deployment.address })
const latchkey = (...args: string[]): Promise<Ran> => runLatchkey(args, { cwd: home, env: env() })
const command = new URL('../../src/cli/main.ts', import.meta.url).pathname

/** Runs `latchkey login`; `act` does what it asks the person to do. */
async function login(act: (told: string) => Promise<unknown> | undefined, ...args: string[]): Promise<Ran> {
  const child = spawn(process.execPath, [command, 'login', '--server', deployment.address, ...args], {
    env: { ...process.env, XDG_CONFIG_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  let acted: Promise<unknown> | undefined
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
    acted ??= act(stderr)
  })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const stdout = await text(child.stdout)
  const code = await ended
  await acted
  return { code, stdout, stderr }
}

async function signIn(browser: Browser, page: Seen, email: string): Promise<Seen> {
  return browser.submit(await browser.submit(page, { email }), { password })
}

/** Opens the address that is printed, signs in, allows; and fetches the address that the browser is sent to. */
const inBrowser =
  (email: string, seen: string[] = []) =>
  (told: string): Promise<unknown> | undefined => {
    const url = /^http\S+$/m.exec(told)?.[0]
    return url === undefined ? undefined : inOwnBrowser(url, email, seen)
  }

async function inOwnBrowser(url: string, email: string, seen: string[]): Promise<void> {
  const browser = new Browser(deployment.address)
  const consent = await signIn(browser, await browser.open(url), email)
  seen.push(consent.text)
  await fetch((await browser.submit(consent, { decision: 'allow' })).url)
}

const enter =
  (email: string) =>
  (told: string): Promise<unknown> | undefined => {
    const [, url, code] = /^Open (\S+)\nand enter the code (\S+)$/m.exec(told) ?? []
    return url && code ? enterCode(url, code, email) : undefined
  }

async function enterCode(url: string, code: string, email: string): Promise<void> {
  const browser = new Browser(deployment.address)
  const typed = await browser.open(url)
  const fields = (page: Seen) => ({
    user_code: code,
    xsrf: /name="xsrf" value="([^"]*)"/.exec(page.text)?.[1] ?? '',
  })
  const confirmation = await browser.submit(typed, fields(typed))
  const page = await browser.submit(confirmation, { ...fields(confirmation), confirm: 'yes' })
  await browser.submit(await signIn(browser, page, email), { decision: 'allow' })
}

describe('latchkey login', () => {
  test('signs a person in through the browser; later commands act for them, at that server', async () => {
    const seen: string[] = []
    const { code, stdout, stderr } = await login(inBrowser('ann@north.example', seen))
    expect(stderr).toContain('Sign in with your browser')
    expect(code).toBe(0)
    expect(stdout).toContain(`Signed in at ${deployment.address}.`)
    expect(seen[0]).toContain('latchkey command')
    expect(seen[0]).not.toContain('the operator alone')
    const own = await runLatchkey(['organizations', 'show', '--json'], {
      cwd: home,
      env: { XDG_CONFIG_HOME: home },
    })
    expect(JSON.parse(own.stdout)).toMatchObject({ id: customer })
    const others = await latchkey('organizations', 'list')
    expect(others.code).toBe(1)
    const another = await latchkey('organizations', 'show', deployment.operator.organizationId)
    expect(another.code).toBe(1)
  })

  test('with --device signs in with a code that is entered elsewhere', async () => {
    const { code, stderr } = await login(enter('ann@north.example'), '--device')
    expect(stderr).toMatch(/within \d+ minutes/)
    expect(code).toBe(0)
    expect((await latchkey('users', 'list')).stdout).toContain('bob@north.example')
  })

  test('lets the operator’s people do for any organization what their role does', async () => {
    const seen: string[] = []
    const { code } = await login(inBrowser('olga@operator.example', seen))
    expect(code).toBe(0)
    expect(seen[0]).toContain('the operator alone')
    expect((await latchkey('organizations', 'list')).stdout).toContain('North')
    const made = await latchkey('organizations', 'create', '--slug', 'south', '--name', 'South')
    expect(made.code).toBe(0)
  })

  test('gives nobody more than their role', async () => {
    await login(inBrowser('bob@north.example'))
    expect((await latchkey('users', 'list')).code).toBe(0)
    const refused = await latchkey('users', 'invite', 'eve@north.example')
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('[forbidden]')
  })

  test('keeps what renews the tokens for its owner alone, and no access token', async () => {
    await login(inBrowser('ann@north.example'))
    const folder = join(home, 'latchkey')
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    for (const name of await readdir(folder)) {
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
      expect(await readFile(join(folder, name), 'utf8')).not.toContain('eyJ')
    }
  })

  test('tells when the person says no', async () => {
    const { code, stderr } = await login((told) => {
      const url = /^http\S+$/m.exec(told)?.[0]
      return url === undefined ? undefined : deny(url)
    })
    expect(code).toBe(1)
    expect(stderr).toContain('access_denied')
    expect(stderr).toContain('latchkey login')
  })

  test('at another service needs to be told a client there', async () => {
    const { code, stderr } = await latchkey('login', '--service', 'clinic')
    expect(code).toBe(2)
    expect(stderr).toContain('--client-id')
  })

  test('yields to a key that is given', async () => {
    await login(inBrowser('ann@north.example'))
    const file = join(deployment.folder, 'operator-key.json')
    const { stdout } = await latchkey('whoami', '--json', '--key-file', file)
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'key', id: deployment.operator.key.id })
  })
})

async function deny(url: string): Promise<void> {
  const browser = new Browser(deployment.address)
  const consent = await signIn(browser, await browser.open(url), 'ann@north.example')
  await fetch((await browser.submit(consent, { decision: 'deny' })).url)
}

describe('latchkey whoami', () => {
  test('shows the person, their organization, roles and since when', async () => {
    await login(inBrowser('ann@north.example'))
    const { stdout } = await latchkey('whoami', '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      server: deployment.address,
      kind: 'person',
      email: 'ann@north.example',
      organization_id: customer,
      roles: ['organization-admin'],
      scope: 'organization-admin',
      signed_in_at: expect.stringMatching(/^\d{4}-/),
    })
  })

  test('without anybody says how to come in', async () => {
    const { code, stderr } = await latchkey('whoami')
    expect(code).toBe(2)
    expect(stderr).toContain('latchkey login')
  })
})

describe('latchkey logout', () => {
  test('ends it here and at the server, and is no fault where nobody is signed in', async () => {
    await login(inBrowser('ann@north.example'))
    const [name] = (await readdir(join(home, 'latchkey'))).filter((one) => one.endsWith('.json'))
    const kept = z
      .object({ refresh_token: z.string() })
      .parse(JSON.parse(await readFile(join(home, 'latchkey', name ?? ''), 'utf8')))
    const { code, stdout } = await latchkey('logout')
    expect(code).toBe(0)
    expect(stdout).toContain('Signed out')
    expect(await readdir(join(home, 'latchkey'))).toEqual([])
    const form = {
      grant_type: 'refresh_token',
      refresh_token: kept.refresh_token,
      client_id: commandClientId,
    }
    const refused = await fetch(`${deployment.address}/latchkey/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams(form),
    })
    expect(await refused.json()).toMatchObject({ error: 'invalid_grant' })
    expect((await latchkey('whoami')).code).toBe(2)
    expect(await latchkey('logout')).toMatchObject({ code: 0, stdout: expect.stringContaining('Nobody') })
  })
})

describe('the command as a client', () => {
  test('is the only one that may ask for what acts for any organization', async () => {
    const { operator } = deployment
    const { json } = await operator.do('POST', `/organizations/${operator.organizationId}/keys`, {
      service: 'latchkey',
      name: 'Another app',
      role: 'organization-viewer',
      public: true,
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/callback'],
    })
    const scopes = ['--scope', 'organization-admin admin']
    const seen: string[] = []
    const { code } = await login(
      inBrowser('olga@operator.example', seen),
      '--client-id',
      String(json['id']),
      ...scopes,
    )
    expect(code).toBe(0)
    expect(seen[0]).not.toContain('the operator alone')
    const { stdout } = await latchkey('whoami', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ scope: 'organization-admin', roles: ['admin'] })
    expect((await latchkey('organizations', 'list')).code).toBe(1)
    expect((await latchkey('organizations', 'show', customer)).code).toBe(1)
  })

  test('can be disabled, and is then not made anew', async () => {
    await login(inBrowser('ann@north.example'))
    const { operator } = deployment
    const key = `/organizations/${operator.organizationId}/keys/${commandClientId}`
    await operator.do('POST', `${key}/disable`)
    const { code, stderr } = await latchkey('users', 'list')
    expect(code).toBe(1)
    expect(stderr).toContain('invalid_client')
    await deployment.restart()
    expect((await operator.do('GET', key)).json).toMatchObject({ state: 'disabled' })
    await operator.do('POST', `${key}/enable`)
  })

  test('comes to a deployment that was there before it with the next start', async () => {
    const { operator } = deployment
    const store = await openSqlite({ path: join(storeFolder, 'db'), clock: Date.now })
    const organizationId = parseId('org', operator.organizationId) ?? never()
    const key = await store.records.find(organizationId, clientKeys, commandClientId)
    await store.commit([remove(clientKeys, key ?? never())])
    await store.close()
    await deployment.restart()
    expect((await login(inBrowser('ann@north.example'))).code).toBe(0)
  })
})

function never(): never {
  throw new Error('the command is no client here')
}
