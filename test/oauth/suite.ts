import { readFileSync } from 'node:fs'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import type { ClientKey } from '../../src/client-keys/client-key.ts'
import { signInRoutes } from '../../src/services/api/sign-in.ts'
import { type Service, type SigningAlgorithm, services } from '../../src/services/service.ts'
import { json, serveApi, tokens } from '../http/serving.ts'
import { fill, signingIn } from './attack.ts'
import { Browser, type Seen } from './browser.ts'
import { basic, type IssuedKey, postToken, signingKey, startWorld, type World } from './fixture.ts'

/** Where the suite that plays the app listens. */
export const callback = 'https://suite.example/callback'

type Changes = Readonly<Record<string, string | undefined>>

/** What a change leaves out is not sent. */
export function given(parameters: Changes): Record<string, string> {
  const pairs = Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return Object.fromEntries(pairs)
}

/** The body of a documented profile, as it stands in its file. */
export function profile(name: string): Record<string, unknown> {
  const text = readFileSync(new URL(`../../examples/profiles/${name}.json`, import.meta.url), 'utf8')
  return JSON.parse(text) as Record<string, unknown>
}

/** A service with signing keys of an algorithm, to which settings are sent over the management API. */
export async function startSuite(algorithm: SigningAlgorithm, ...settings: Record<string, unknown>[]) {
  const world = await startWorld()
  await world.change<Service>(services, world.service, {
    signingAlgorithm: algorithm,
    signingKeys: [signingKey(world.secrets, algorithm)],
  })
  const { records, commit } = world.deps
  const api = await serveApi(signInRoutes({ records, commit }))
  const set = async (body: Record<string, unknown>): Promise<Response> =>
    api.call('/services/clinic/sign-in', { ...json('PATCH', body), token: tokens.operator })
  for (const body of settings) {
    const answer = await set(body)
    if (answer.status !== 200) throw new Error(await answer.text())
  }
  await world.addUser({ email: signingIn.email })
  const addApp = (more: Partial<ClientKey> = {}) =>
    world.addKey({ name: 'Conformance', redirectUris: [callback], ...more })
  return { ...world, set, addApp }
}

export type Suite = Awaited<ReturnType<typeof startSuite>>

/** What the suite sends a browser to, as its modules do: without PKCE. */
export function authorizationUrl(
  { issuer }: Pick<World, 'issuer'>,
  app: IssuedKey,
  changes: Changes = {},
): URL {
  const parameters = {
    client_id: app.key.id,
    redirect_uri: callback,
    scope: 'openid',
    response_type: 'code',
    state: 'state-of-the-suite',
    nonce: 'nonce-of-the-suite',
    ...changes,
  }
  return new URL(`${issuer}/oauth/authorize?${new URLSearchParams(given(parameters))}`)
}

/** Does what a person does on each page that comes. */
export function goOn(browser: Browser, page: Seen): Promise<Seen> {
  return fill(browser, page, { ...signingIn, decision: 'allow' })
}

export interface Tokens {
  readonly access_token: string
  readonly id_token?: string
  readonly refresh_token?: string
  readonly token_type: string
  readonly expires_in: number
  readonly scope?: string
}

/** Opens the request, signs in as far as it is asked for, and redeems the code. */
export async function run(
  suite: Suite,
  app: IssuedKey,
  changes: Changes = {},
  browser = new Browser(suite.origin),
): Promise<Tokens> {
  const { url } = await goOn(browser, await browser.open(authorizationUrl(suite, app, changes)))
  return (await (await redeem(suite, app, url)).json()) as Tokens
}

export async function redeem(
  suite: Suite,
  app: IssuedKey,
  back: URL,
  changes: Changes = {},
): Promise<Response> {
  const code = back.searchParams.get('code')
  if (code === null) throw new Error(`no code: ${back.href}`)
  const form = { grant_type: 'authorization_code', code, redirect_uri: callback, ...changes }
  return postToken(suite, given(form), 'client_secret' in changes ? {} : basic(app))
}

/** The claims of an ID token whose signature, issuer, audience and times are right. */
export async function claimsIn({ issuer }: Suite, app: IssuedKey, { id_token: token = '' }: Tokens) {
  const jwks = createRemoteJWKSet(new URL(`${issuer}/oauth/jwks`))
  const { payload, protectedHeader } = await jwtVerify(token, jwks, { issuer, audience: app.key.id })
  return { payload, protectedHeader }
}

export function userinfo({ issuer }: Suite, token: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${issuer}/oauth/userinfo`, { headers: { authorization: `Bearer ${token}` }, ...init })
}
