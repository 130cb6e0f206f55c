import { createHash, randomBytes } from 'node:crypto'
import type { ClientKey } from '../../src/client-keys/client-key.ts'
import type { User } from '../../src/users/user.ts'
import { Browser, type Seen } from './browser.ts'
import {
  basic,
  type IssuedKey,
  postToken,
  rightCode,
  rightPassword,
  startWorld,
  type World,
} from './fixture.ts'

export const redirectUri = 'https://app.example/callback'
const email = 'ann@north.example'

/** What an attack needs: an app and a person at a service, and another app that the attacker owns. */
export interface Ground extends World {
  readonly app: IssuedKey
  readonly ann: User
  readonly addApp: (more?: Partial<ClientKey>) => Promise<IssuedKey>
}

export async function startGround(): Promise<Ground> {
  const world = await startWorld()
  const addApp = (more: Partial<ClientKey> = {}) =>
    world.addKey({ name: 'Calendar', redirectUris: [redirectUri], ...more })
  return { ...world, addApp, app: await addApp(), ann: await world.addUser({ email }) }
}

type Changes = Readonly<Record<string, string | undefined>>

/** An authorization request, and what must be sent with its code. */
export interface Request {
  readonly url: URL
  readonly verifier: string
}

/** A request that nothing is wrong with but for `changes`; `undefined` leaves a parameter out. */
export function requestOf({ issuer, app }: Ground, changes: Changes = {}): Request {
  const verifier = randomBytes(32).toString('base64url')
  const parameters = {
    client_id: app.key.id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid patients:read',
    state: 'state-of-the-app',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...changes,
  }
  const given = Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return { url: new URL(`${issuer}/oauth/authorize?${new URLSearchParams(given)}`), verifier }
}

/** Fills in each form that comes, as a person would, until there is one that asks for something else. */
export async function fill(
  browser: Browser,
  page: Seen,
  answers: Readonly<Record<string, string>>,
): Promise<Seen> {
  const field = ['decision', 'password', 'code', 'email'].find((name) =>
    new RegExp(`<(button|input)(?![^>]*type="hidden")[^>]* name="${name}"`).test(page.text),
  )
  const value = field && answers[field]
  if (field === undefined || value === undefined) return page
  return fill(browser, await browser.submit(page, { [field]: value }), answers)
}

export const signingIn = { email, code: rightCode, password: rightPassword }
const allowing = { ...signingIn, decision: 'allow' }

/** Opens the request and goes on to the page of consent. */
export async function toConsent(browser: Browser, { url }: Request): Promise<Seen> {
  return fill(browser, await browser.open(url), signingIn)
}

/** Where the browser is sent at the end: the app's address with the answer in it. */
export async function answerTo(ground: Ground, { url }: Request, browser = new Browser(ground.origin)) {
  return (await fill(browser, await browser.open(url), allowing)).url
}

/** A code as the app gets it. */
export interface Bought {
  readonly code: string
  readonly verifier: string
}

export async function buyCode(ground: Ground, changes: Changes = {}): Promise<Bought> {
  const request = requestOf(ground, changes)
  const back = await answerTo(ground, request)
  const code = back.searchParams.get('code')
  if (code === null) throw new Error(`no code: ${back}`)
  return { code, verifier: request.verifier }
}

/** Redeems a code with nothing wrong but for `changes`. */
export function redeem(
  { issuer, app }: Pick<Ground, 'issuer' | 'app'>,
  { code, verifier }: Bought,
  changes: Changes = {},
): Promise<Response> {
  const parameters = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    ...changes,
  }
  const given = Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return postToken({ issuer }, Object.fromEntries(given), basic(app))
}

/** Status and error code of an answer of the token endpoint. */
export async function outcome(response: Response): Promise<string> {
  const body = (await response.json()) as { readonly error?: string }
  return `${response.status} ${body.error ?? 'granted'}`
}

export async function metadataOf({ issuer }: Ground): Promise<Record<string, unknown>> {
  const answer = await fetch(`${issuer}/.well-known/oauth-authorization-server`)
  return (await answer.json()) as Record<string, unknown>
}
