import * as client from 'openid-client'
import { Browser, type Seen } from './browser.ts'
import { type IssuedKey, rightCode, rightPassword, type World } from './fixture.ts'

/** Where the apps of these tests live. */
export const appUri = 'https://app.example/callback'

const options = { execute: [client.allowInsecureRequests] }

/** An app that knows its issuer's address alone, as `openid-client` makes one of a key. */
export function appOf(
  { issuer }: Pick<World, 'issuer'>,
  { key, secret }: IssuedKey,
  authentication = client.ClientSecretBasic(secret),
): Promise<client.Configuration> {
  return client.discovery(new URL(issuer), key.id, undefined, authentication, options)
}

interface Asked {
  readonly scope?: string
  readonly redirectUri?: string
  readonly more?: Record<string, string>
}

/** What an app sends a person to, and what it needs when they come back. */
export async function ask(config: client.Configuration, { scope, redirectUri, more }: Asked = {}) {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const parameters = {
    redirect_uri: redirectUri ?? appUri,
    scope: scope ?? 'patients:read',
    state,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...more,
  }
  const checks = {
    pkceCodeVerifier: verifier,
    expectedState: state,
    ...(more?.['nonce'] !== undefined && { expectedNonce: more['nonce'] }),
  }
  return { parameters, url: client.buildAuthorizationUrl(config, parameters), checks }
}

/** Address, mailed code, password: as a person does it. Ends at the page of consent. */
export async function signIn(browser: Browser, page: Seen, email = 'ann@north.example'): Promise<Seen> {
  const codePage = await browser.submit(page, { email })
  const passwordPage = await browser.submit(codePage, { code: rightCode })
  return browser.submit(passwordPage, { password: rightPassword })
}

/** The whole code flow: a person signs in and consents, and the app exchanges its code. */
export async function authorize(
  { origin }: Pick<World, 'origin'>,
  config: client.Configuration,
  asked: Asked = {},
  browser = new Browser(origin),
) {
  const { url, checks } = await ask(config, asked)
  const consent = await signIn(browser, await browser.open(url))
  const { url: back } = await browser.submit(consent, { decision: 'allow' })
  return client.authorizationCodeGrant(config, back, checks)
}
