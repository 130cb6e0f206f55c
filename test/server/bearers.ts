// Everything that lets its bearer in, as clients of a whole server get it and send it.
import * as client from 'openid-client'
import { vi } from 'vitest'
import { startRealProvider } from '../connections/upstream.ts'
import { appUri, ask } from '../oauth/app.ts'
import { Browser, type Seen } from '../oauth/browser.ts'
import { askToken, type Key, type Operator, type Reply, send } from './client.ts'
import { addApp, codeIn, linkIn, newestMail, password, redeem, refresh } from './people.ts'

export const email = 'canary@north.example'
export const organizationName = 'Canary and Sons'

/** A browser that keeps what it was shown and sent. */
class WatchedBrowser extends Browser {
  readonly shown: Seen[] = []

  override async open(url: string | URL): Promise<Seen> {
    return this.#keep(await super.open(url))
  }

  override async post(...sent: Parameters<Browser['post']>): Promise<Seen> {
    return this.#keep(await super.post(...sent))
  }

  #keep(seen: Seen): Seen {
    this.shown.push(seen)
    return seen
  }

  /** The cookies that it was given, each with its name. */
  cookies(): readonly (readonly [string, string])[] {
    return this.trail
      .flatMap(({ answer }) => answer.headers.getSetCookie())
      .map((text) => /^([^=]+)=([^;]*)/.exec(text) ?? [])
      .map(([, name = '', value = '']) => [name, value] as const)
      .filter(([, value]) => value !== '')
  }

  /** Every address that it went to, was sent to, or was shown. */
  addresses(): readonly string[] {
    return [
      ...this.trail.flatMap(({ url, answer }) => [url.href, answer.headers.get('location') ?? '']),
      ...this.shown.flatMap(({ url, text }) => [
        url.href,
        ...Array.from(text.matchAll(/(?:href|action|src)="([^"]*)"/g), ([, link = '']) =>
          link.replaceAll('&amp;', '&').replaceAll('&#38;', '&'),
        ),
      ]),
    ]
  }

  csrfTokens(): readonly string[] {
    return this.shown.flatMap(({ text }) =>
      Array.from(text.matchAll(/name="csrf" value="([^"]*)"/g), ([, token = '']) => token),
    )
  }
}

export interface Bearers {
  /** By a name each. */
  readonly values: ReadonlyMap<string, string>
  /** Every address that anybody was sent to or told. */
  readonly addresses: readonly string[]
}

type Keep = (name: string, value: unknown) => string

const scope = 'openid offline_access patients:read'
/** Of a secret, shorter than what is random in any, and long enough to stand nowhere by chance. */
const endLength = 40

/** Runs every flow at the service `clinic`, which it makes. */
export async function useEverything(operator: Operator): Promise<Bearers> {
  const values = new Map<string, string>()
  const browser = new WatchedBrowser(operator.address)
  const keep: Keep = (name, value) => {
    if (typeof value !== 'string' || value === '') throw new Error(`there is no ${name}`)
    let unique = name
    for (let at = 2; values.has(unique) && values.get(unique) !== value; at++) unique = `${name} ${at}`
    values.set(unique, value)
    return value
  }
  /** Whole, and without the prefix that is known. */
  const keepSecret: Keep = (name, value) => {
    const secret = keep(name, value)
    keep(`${name}, its end`, secret.slice(-endLength))
    return secret
  }

  keepSecret("operator's client secret", operator.key.secret)
  keep("operator's token", await operator.token())
  await operator.importClinic()
  await operator.do('PATCH', '/services/clinic/sign-in', { registration: 'initial_access_token' })
  const ours = await operator.makeOrganization(organizationName)
  await operator.do('PATCH', `/organizations/${ours}/apps`, { mode: 'all', unverified: 'allow' })
  await useMachine(operator, ours, keep, keepSecret)

  const app = await addApp(operator, ours)
  keepSecret("app's client secret", app.secret)
  await comeIn(operator, ours, browser, keep)
  const config = await client.discovery(
    new URL(`${operator.address}/clinic`),
    app.id,
    undefined,
    client.ClientSecretBasic(app.secret),
    { execute: [client.allowInsecureRequests] },
  )
  await useCodeFlow(operator, app, config, browser, keep)
  await useDevice(config, browser, keep)
  const told = await registerApp(operator, keep, keepSecret)
  const forgotten = await forget(operator, config, keep)
  const upstream = await connect(operator, ours, keep)
  // Where people manage their own sign-ins.
  await browser.open('/clinic/login')
  keepShown(browser, keep)
  for (const [name, value] of values)
    if (value.startsWith('eyJ')) keep(`${name}, its signature`, value.split('.').at(-1))
  return { values, addresses: [...browser.addresses(), ...told, ...forgotten, ...upstream] }
}

function keepShown(browser: WatchedBrowser, keep: Keep): void {
  for (const [name, value] of browser.cookies()) keep(`cookie ${name}`, value)
  for (const token of browser.csrfTokens()) keep('CSRF token', token)
}

async function useMachine(
  operator: Operator,
  organizationId: string,
  keep: Keep,
  keepSecret: Keep,
): Promise<void> {
  const key = await operator.makeKey(organizationId, { role: 'patients:read' })
  keepSecret('client secret', key.secret)
  keep('client credentials token', (await askToken(operator.address, key, 'clinic')).json['access_token'])
  const path = `/organizations/${organizationId}/keys/${key.id}/rotate`
  const { json } = await operator.do('POST', path, { grace_seconds: 60 })
  const rotated = { id: key.id, secret: keepSecret('rotated client secret', json['client_secret']) }
  const again = await askToken(operator.address, rotated, 'clinic')
  keep('client credentials token', again.json['access_token'])
}

/** By the link of an invitation. */
async function comeIn(
  operator: Operator,
  organizationId: string,
  browser: WatchedBrowser,
  keep: Keep,
): Promise<void> {
  const roles = [{ service: 'clinic', role: 'patients:read' }]
  await operator.do('POST', `/organizations/${organizationId}/users`, { email, roles })
  const mail = await newestMail(operator, email)
  keep('invitation mail', mail)
  keep('invitation link', linkIn(mail).searchParams.get('link'))
  const page = await browser.open(linkIn(mail))
  await browser.submit(page, { new_password: keep('password', password) })
}

async function useCodeFlow(
  operator: Operator,
  app: Key,
  config: client.Configuration,
  browser: WatchedBrowser,
  keep: Keep,
): Promise<void> {
  const { address } = operator
  const { url, checks } = await ask(config, { scope })
  keep('state', checks.expectedState)
  keep('code verifier', checks.pkceCodeVerifier)
  const codePage = await browser.submit(await browser.open(url), { email })
  const mail = await newestMail(operator, email)
  keep('code mail', mail)
  const passwordPage = await browser.submit(codePage, { code: keep('mailed code', codeIn(mail)) })
  const consentPage = await browser.submit(passwordPage, { password })
  const { url: back } = await browser.submit(consentPage, { decision: 'allow' })
  const bought = {
    code: keep('code', back.searchParams.get('code')),
    verifier: checks.pkceCodeVerifier,
  }
  const first = (await redeem(address, app, bought)).json
  keep('id token', first['id_token'])
  keep("person's token", first['access_token'])
  const second = (await refresh(address, app, keep('refresh token', first['refresh_token']))).json
  keep("person's refreshed token", second['access_token'])
  keep('refreshed id token', second['id_token'])
  keep('rotated refresh token', second['refresh_token'])

  // Pushed, and for userinfo alone.
  const pushed = await ask(config, { scope: 'openid' })
  const there = await client.buildAuthorizationUrlWithPAR(config, pushed.parameters)
  keep('request URI', there.searchParams.get('request_uri'))
  keep('end of the request URI', there.searchParams.get('request_uri')?.split(':').at(-1))
  let page = await browser.open(there)
  if (!page.url.searchParams.has('code')) page = await browser.submit(page, { decision: 'allow' })
  const code = keep('code', page.url.searchParams.get('code'))
  const { json } = await redeem(address, app, { code, verifier: pushed.checks.pkceCodeVerifier })
  const token = keep('userinfo token', json['access_token'])
  const { status } = await send(address, 'GET', '/clinic/oauth/userinfo', { token })
  if (status !== 200) throw new Error(`userinfo answered ${status}`)

  // One that is never redeemed, and is still there.
  const left = await browser.open((await ask(config, { scope: 'openid' })).url)
  keep('code', left.url.searchParams.get('code'))
}

async function useDevice(config: client.Configuration, browser: WatchedBrowser, keep: Keep): Promise<void> {
  for (const isAllowed of [true, false]) {
    const device = await client.initiateDeviceAuthorization(config, { scope })
    keep('device code', device.device_code)
    keep('user code', device.user_code)
    keep('user code without its dash', device.user_code.replace('-', ''))
    if (!isAllowed) continue
    const typed = await browser.open(String(device.verification_uri_complete))
    let page = await browser.submit(typed, { user_code: device.user_code })
    page = await browser.submit(page, {})
    if (page.text.includes('name="decision"')) await browser.submit(page, { decision: 'allow' })
    const tokens = await client.pollDeviceAuthorizationGrant(config, { ...device, interval: 0.01 })
    keep("device's token", tokens.access_token)
    keep("device's refresh token", tokens.refresh_token)
  }
}

/** Answers the addresses that the app is told. */
async function registerApp(operator: Operator, keep: Keep, keepSecret: Keep): Promise<readonly string[]> {
  const path = '/services/clinic/initial-access-tokens'
  const made = await operator.do('POST', path, { name: 'Partners' })
  const register = (method: string, where: string, token: string, body?: unknown): Promise<Reply> =>
    send(operator.address, method, where, { token, ...(body === undefined ? {} : { body }) })
  const initial = keepSecret('initial access token', made.json['initial_access_token'])
  const metadata = { client_name: 'Notes', redirect_uris: [appUri] }
  const { json } = await register('POST', '/clinic/oauth/register', initial, metadata)
  keepSecret("registered app's client secret", json['client_secret'])
  const own = keep('registration access token', json['registration_access_token'])
  const at = new URL(String(json['registration_client_uri']))
  const changed = await register('PUT', at.pathname, own, {
    ...{ ...metadata, client_name: 'Notebook', client_id: json['client_id'] },
    client_secret: json['client_secret'],
  })
  keep('rotated registration access token', changed.json['registration_access_token'])
  return [at.href, String(changed.json['registration_client_uri'])]
}

/** A password that was forgotten: the link is mailed from the sign-in, and never opened. */
async function forget(
  operator: Operator,
  config: client.Configuration,
  keep: Keep,
): Promise<readonly string[]> {
  const browser = new WatchedBrowser(operator.address)
  const codePage = await browser.submit(await browser.open((await ask(config)).url), { email })
  const code = keep('mailed code', codeIn(await newestMail(operator, email)))
  const { url } = await browser.submit(codePage, { code })
  const page = await browser.open(`${url.pathname}/forgot`)
  await browser.submit(page, { email })
  // It is sent after the answer.
  const read = async () => {
    const text = await newestMail(operator, email)
    linkIn(text)
    return text
  }
  const mail = keep('reset mail', await vi.waitFor(read, { timeout: 5_000 }))
  keep('reset link', linkIn(mail).searchParams.get('link'))
  keepShown(browser, keep)
  return browser.addresses()
}

/** An identity provider of the organization's own, tried out. Answers where it was sent. */
async function connect(operator: Operator, organizationId: string, keep: Keep): Promise<readonly string[]> {
  const clientSecret = keep('upstream client secret', `upstream-${crypto.randomUUID()}`)
  const person = { sub: 'ann', claims: { email, email_verified: true } }
  const clients: Parameters<typeof startRealProvider>[1][number][] = []
  const before = await startRealProvider(() => person, clients)
  const path = `/organizations/${organizationId}/connections`
  const body = { name: 'Ours', issuer: before.issuer, client_id: 'latchkey', client_secret: clientSecret }
  const { json } = await operator.do('POST', path, body)
  await before.close()
  const redirectUris = [String(json['redirect_uri'])]
  const provider = await startRealProvider(
    () => person,
    [{ client_id: 'latchkey', client_secret: clientSecret, redirect_uris: redirectUris }],
    Number(new URL(before.issuer).port),
  )
  try {
    const there = String((await operator.do('POST', `${path}/${String(json['id'])}/test`)).json['url'])
    keep('upstream state', new URL(there).searchParams.get('state'))
    const back = await provider.browse(there)
    keep('upstream code', new URL(back).searchParams.get('code'))
    const browser = new WatchedBrowser(operator.address)
    await browser.open(back)
    const result = await operator.do('GET', `${path}/${String(json['id'])}/test`)
    // No domain is verified here: the provider was believed, its code redeemed, and nobody signed in.
    if (typeof result.json['claims'] !== 'object')
      throw new Error(`the connection does not work: ${result.text}`)
    return [there, ...browser.addresses()]
  } finally {
    await provider.close()
  }
}
