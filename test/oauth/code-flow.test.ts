import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { User } from '../../src/users/user.ts'
import { Browser, signIn } from './browser.ts'
import { type IssuedKey, startWorld, type World } from './fixture.ts'

const redirectUri = 'https://app.example/callback'

let world: World
let app: IssuedKey
let ann: User
beforeAll(async () => {
  world = await startWorld()
  app = await world.addKey({ name: 'Calendar', redirectUris: [redirectUri] })
  ann = await world.addUser()
})
afterAll(() => world.stop())

const configOf = ({ key, secret }: IssuedKey, method = client.ClientSecretBasic(secret)) =>
  client.discovery(new URL(world.issuer), key.id, undefined, method, {
    execute: [client.allowInsecureRequests],
  })

interface Asked {
  readonly scope?: string
  readonly redirect?: string
  readonly more?: Record<string, string>
}

/** What an app sends a person to, and what it needs when they come back. */
async function ask(
  config: client.Configuration,
  { scope = 'openid email patients:read', ...rest }: Asked = {},
) {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: rest.redirect ?? redirectUri,
    scope,
    state,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...rest.more,
  })
  return { url, checks: { pkceCodeVerifier: verifier, expectedState: state } }
}

describe('the code flow (RFC 6749 §4.1, RFC 7636, RFC 9207)', () => {
  test('a person signs in and consents, and the app gets tokens for the API', async () => {
    const config = await configOf(app)
    const { url, checks } = await ask(config)
    const browser = new Browser(world.origin)
    const consent = await signIn(browser, url)
    expect(consent.text).toContain('Calendar')
    expect(consent.text).toContain('app.example')
    const { url: back } = await browser.submit(consent, { decision: 'allow' })
    expect(back.origin + back.pathname).toBe(redirectUri)
    expect(back.searchParams.get('iss')).toBe(world.issuer)
    const tokens = await client.authorizationCodeGrant(config, back, checks)
    expect(tokens).toMatchObject({ token_type: 'bearer', expires_in: 900, scope: 'patients:read' })
    expect(tokens.claims()).toMatchObject({ email: 'ann@north.example', email_verified: true })
    const jwks = createRemoteJWKSet(new URL(`${world.issuer}/oauth/jwks`))
    const { payload } = await jwtVerify(tokens.access_token, jwks, {
      issuer: world.issuer,
      audience: world.service.audience,
      typ: 'at+jwt',
    })
    const { organization } = world
    expect(payload).toEqual({
      iss: world.issuer,
      aud: world.service.audience,
      sub: ann.id,
      client_id: app.key.id,
      org_id: organization.id,
      roles: ['desk'],
      scope: 'patients:read',
      ver: { [ann.id]: 5, [organization.id]: 3, [app.key.id]: 7 },
      env: 'live',
      grant_id: expect.stringMatching(/^gra_/),
      auth_time: expect.any(Number),
      amr: ['pwd', 'otp'],
      iat: expect.any(Number),
      exp: expect.any(Number),
      jti: expect.any(String),
    })
  })
})
