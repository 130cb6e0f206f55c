import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { commandClientId } from '../../src/ids.ts'
import { Browser, type Seen } from '../oauth/browser.ts'
import { type Deployment, startDeployment } from '../server/deployment.ts'
import { itemsOf } from '../server/operations.ts'
import { type Ran, runLatchkey } from './run-latchkey.ts'

const password = 'plum velvet harbour ninety'
let deployment: Deployment
let home: string
let customer: string
/** Whose browsers these are: who has signed in with one is asked for no code and no password in it any more. */
let browsers: Map<string, Browser>

beforeAll(async () => {
  deployment = await startDeployment()
  const { operator } = deployment
  browsers = new Map()
  customer = await operator.makeOrganization('North')
  await comesIn('olga@operator.example', operator.organizationId, 'admin')
  await comesIn('ann@north.example', customer, 'organization-admin')
  await comesIn('bob@north.example', customer, 'organization-viewer')
})
afterAll(() => deployment.stop())
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'latchkey-home-'))
})
afterEach(() => rm(home, { recursive: true }))

/** Somebody is invited, and chooses a password where the mail sends them. */
async function comesIn(email: string, organizationId: string, role: string): Promise<void> {
  const { operator, address } = deployment
  await operator.makeUser(organizationId, { email, roles: [{ service: 'latchkey', role }] })
  const link = /^http\S+$/m.exec(await mailTo(email, /invited/))?.[0] ?? ''
  const browser = new Browser(address)
  const { text } = await browser.submit(await browser.open(link), { new_password: password })
  expect(text).toContain('Your account is ready')
  browsers.set(email, browser)
}

/** The newest such mail to an address; this deployment has no mail server, so the operator reads it. */
async function mailTo(email: string, subject: RegExp): Promise<string> {
  const { operator } = deployment
  const mails = itemsOf((await operator.do('GET', '/mails?limit=200')).text)
  const [mail] = mails
    .filter((one) => one['to'] === email && subject.test(String(one['subject'])))
    .toSorted((a, b) => String(b['id']).localeCompare(String(a['id'])))
  if (mail === undefined) throw new Error(`there is no such mail to ${email}`)
  return String((await operator.do('POST', `/mails/${String(mail['id'])}/read`)).json['text'])
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

/** Address, mailed code, password; nothing of it where a session goes on. Ends at the page of consent. */
async function signIn(browser: Browser, page: Seen, email: string): Promise<Seen> {
  if (page.text.includes('value="allow"')) return page
  const codePage = await browser.submit(page, { email })
  const code = /^\d{6}$/m.exec(await mailTo(email, /Your code/))?.[0] ?? ''
  return browser.submit(await browser.submit(codePage, { code }), { password })
}

function browserOf(email: string): Browser {
  const browser = browsers.get(email)
  if (browser === undefined) throw new Error(`${email} has no browser`)
  return browser
}

/** Opens the address that is printed, signs in, allows; and fetches the address that the browser is sent to. */
const inBrowser =
  (email: string, seen: string[] = []) =>
  (told: string): Promise<unknown> | undefined => {
    const url = /^http\S+$/m.exec(told)?.[0]
    return url === undefined ? undefined : inOwnBrowser(url, email, seen)
  }

async function inOwnBrowser(url: string, email: string, seen: string[]): Promise<void> {
  const browser = browserOf(email)
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
  const browser = browserOf(email)
  const confirmation = await browser.submit(await browser.open(url), { user_code: code })
  const page = await browser.submit(confirmation, {})
  await browser.submit(await signIn(browser, page, email), { decision: 'allow' })
}

/** What the command keeps of whoever is signed in. */
async function keptToken() {
  const folder = join(home, 'latchkey')
  const name = (await readdir(folder)).find((one) => one.endsWith('.json')) ?? ''
  return z.object({ refresh_token: z.string() }).parse(JSON.parse(await readFile(join(folder, name), 'utf8')))
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

  test('says what renews the tokens in no output, and the server in no log', async () => {
    const { stdout, stderr } = await login(inBrowser('ann@north.example'))
    const first = (await keptToken()).refresh_token
    const later = await latchkey('users', 'list', '--json')
    const second = (await keptToken()).refresh_token
    expect(second).not.toBe(first)
    // Sent where it does not belong, it is refused, and that is logged.
    const { status } = await fetch(`${deployment.address}/api/v1/organizations`, {
      headers: { authorization: `Bearer ${second}` },
    })
    expect(status).toBe(401)
    const told = [stdout, stderr, later.stdout, later.stderr, ...deployment.lines].join('\n')
    expect(told).toMatch(/"status":401/)
    for (const token of [first, second]) expect(told).not.toContain(token)
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
  const browser = browserOf('ann@north.example')
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
    const { refresh_token } = await keptToken()
    const { code, stdout } = await latchkey('logout')
    expect(code).toBe(0)
    expect(stdout).toContain('Signed out')
    expect(await readdir(join(home, 'latchkey'))).toEqual([])
    const form = {
      grant_type: 'refresh_token',
      refresh_token,
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
    const asked = new URL(`${deployment.address}/latchkey/oauth/authorize?client_id=${commandClientId}`)
    const page = await fetch(asked, { headers: { accept: 'text/html' } })
    expect(await page.text()).toContain(`latchkey keys enable ${commandClientId}`)
    await deployment.restart()
    expect((await operator.do('GET', key)).json).toMatchObject({ state: 'disabled' })
    await operator.do('POST', `${key}/enable`)
  })
})
