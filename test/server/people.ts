// What people do at a whole server: they read their mails, choose a password, sign in, and let apps act for them.
import * as client from 'openid-client'
import { appUri, ask } from '../oauth/app.ts'
import { Browser, type Seen } from '../oauth/browser.ts'
import { type Key, type Operator, objectIn, type Reply, send } from './client.ts'
import { itemsOf } from './operations.ts'

export const password = 'seven herons over grey water'

export interface Person {
  readonly id: string
  readonly organizationId: string
  readonly email: string
}

/** Ids of the mails that nobody took, the newest last. */
export async function mailsTo(operator: Operator, to: string): Promise<readonly string[]> {
  const found: string[] = []
  let cursor = ''
  do {
    const { text, json } = await operator.do('GET', `/mails?limit=200${cursor}`)
    for (const mail of itemsOf(text)) if (mail['to'] === to) found.push(String(mail['id']))
    const { next_cursor: next } = json
    cursor = typeof next === 'string' ? `&cursor=${next}` : ''
  } while (cursor !== '')
  return found
}

export async function newestMail(operator: Operator, to: string): Promise<string> {
  const id = (await mailsTo(operator, to)).at(-1)
  return String((await operator.do('POST', `/mails/${id}/read`)).json['text'])
}

export function linkIn(mail: string): URL {
  return new URL(/^https?:\S+$/m.exec(mail)?.[0] ?? '')
}

export function codeIn(mail: string): string {
  return /\b\d{6}\b/.exec(mail)?.[0] ?? ''
}

/** As the person does it who got the mail. */
export async function openLink(operator: Operator, link: URL, chosen = password): Promise<void> {
  const browser = new Browser(operator.address)
  const done = await browser.submit(await browser.open(link), { new_password: chosen })
  if (done.status !== 200) throw new Error(`the password was not taken: ${done.text}`)
}

/** Somebody who has come in with a password, and may read patients. */
export async function addPerson(
  operator: Operator,
  organizationId: string,
  email: string,
  { service = 'clinic', role = 'patients:read' } = {},
): Promise<Person> {
  const body = { email, roles: [{ service, role }] }
  const { json } = await operator.do('POST', `/organizations/${organizationId}/users`, body)
  await openLink(operator, linkIn(await newestMail(operator, email)))
  return { id: String(json['id']), organizationId, email }
}

/** An organization's app that acts for people of others. */
export async function addApp(
  operator: Operator,
  organizationId: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<Key> {
  const { service = 'clinic', ...rest } = more
  const body = { service, name: 'Rounds', role: 'patients:read', redirect_uris: [appUri], ...rest }
  const { json } = await operator.do('POST', `/organizations/${organizationId}/keys`, body)
  return { id: String(json['id']), secret: String(json['client_secret']) }
}

/** Address, mailed code, password: ends at the page that comes then. */
export async function signInAs(
  operator: Operator,
  browser: Browser,
  emailPage: Seen,
  email: string,
): Promise<Seen> {
  const codePage = await browser.submit(emailPage, { email })
  const passwordPage = await browser.submit(codePage, { code: codeIn(await newestMail(operator, email)) })
  return browser.submit(passwordPage, { password })
}

export function appAt(address: string, app: Key, service = 'clinic'): Promise<client.Configuration> {
  return client.discovery(
    new URL(`${address}/${service}`),
    app.id,
    undefined,
    app.secret === '' ? client.None() : client.ClientSecretBasic(app.secret),
    { execute: [client.allowInsecureRequests] },
  )
}

/** A code, and what its app needs to redeem it. */
export interface Bought {
  readonly code: string
  readonly verifier: string
}

/** The person signs in where they are not, and lets the app do what it asks for. */
export async function buyCode(
  operator: Operator,
  app: Key,
  { email }: Pick<Person, 'email'>,
  { browser = new Browser(operator.address), service = 'clinic', scope = 'patients:read' } = {},
): Promise<Bought> {
  const config = await appAt(operator.address, app, service)
  const { url, checks } = await ask(config, { scope })
  let page = await browser.open(url)
  if (page.text.includes('name="email"')) page = await signInAs(operator, browser, page, email)
  if (page.url.searchParams.get('code') === null) page = await browser.submit(page, { decision: 'allow' })
  const code = page.url.searchParams.get('code')
  if (code === null) throw new Error(`no code came back: ${page.url.href}\n${page.text}`)
  return { code, verifier: checks.pkceCodeVerifier }
}

/** Asks one of the endpoints that an app authenticates at. */
function askAs(
  address: string,
  app: Key,
  endpoint: string,
  fields: Readonly<Record<string, string>>,
  service = 'clinic',
): Promise<Reply> {
  return send(address, 'POST', `/${service}/oauth/${endpoint}`, {
    body: new URLSearchParams(fields).toString(),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${btoa(`${app.id}:${app.secret}`)}`,
    },
  })
}

export function redeem(
  address: string,
  app: Key,
  { code, verifier }: Bought,
  service?: string,
): Promise<Reply> {
  const fields = { grant_type: 'authorization_code', code, redirect_uri: appUri, code_verifier: verifier }
  return askAs(address, app, 'token', fields, service)
}

export function refresh(address: string, app: Key, token: string, service?: string): Promise<Reply> {
  return askAs(address, app, 'token', { grant_type: 'refresh_token', refresh_token: token }, service)
}

export async function isActive(address: string, app: Key, token: string): Promise<boolean> {
  return objectIn((await askAs(address, app, 'introspect', { token })).text)['active'] === true
}

/** What the token endpoint said: its status and its error. */
export function outcomeOf({ status, json }: Reply): string {
  return status === 200 ? '200' : `${status} ${String(json['error'])}`
}
