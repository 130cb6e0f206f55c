import { decodeJwt } from 'jose'
import * as client from 'openid-client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { appOf, appUri, signIn } from './app.ts'
import { Browser } from './browser.ts'
import { basic, type IssuedKey, postToken, startWorld, type World } from './fixture.ts'

let world: World
let app: IssuedKey
let config: client.Configuration
let browser: Browser
beforeEach(async () => {
  world = await startWorld()
  await world.addUser()
  app = await world.addKey({ name: 'Television', redirectUris: [appUri] })
  config = await appOf(world, app)
  browser = new Browser(world.origin)
})
afterEach(async () => {
  vi.useRealTimers()
  await world.stop()
})

const begin = () => client.initiateDeviceAuthorization(config, { scope: 'patients:read' })
const poll = (code: string, by = app) =>
  postToken(
    world,
    { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: code },
    basic(by),
  )
async function answerOf(response: Response): Promise<readonly unknown[]> {
  const body: unknown = await response.json()
  return [response.status, typeof body === 'object' && body !== null && 'error' in body ? body.error : body]
}
/** Types the code, confirms it, signs in and consents. */
async function connect(code: string) {
  const confirm = await browser.submit(await browser.open('/clinic/device'), { user_code: code })
  expect(confirm.text).toContain('Television')
  expect(confirm.text).toContain(code)
  const consent = await signIn(browser, await browser.submit(confirm, {}))
  return browser.submit(consent, { decision: 'allow' })
}

describe('a device (RFC 8628)', () => {
  test('gets a token and a refresh token once a person has typed its code, signed in and consented', async () => {
    const device = await begin()
    expect(device).toMatchObject({
      user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
      verification_uri: `${world.issuer}/device`,
      expires_in: 600,
    })
    expect(await answerOf(await poll(device.device_code))).toEqual([400, 'authorization_pending'])
    const done = await connect(device.user_code)
    expect(done.text).toContain('You can go back to your device')
    const tokens = await client.pollDeviceAuthorizationGrant(config, { ...device, interval: 0.01 })
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      client_id: app.key.id,
      org_id: world.organization.id,
      scope: 'patients:read',
      grant_id: expect.stringMatching(/^gra_/),
    })
    expect((await client.refreshTokenGrant(config, tokens.refresh_token ?? '')).access_token).toBeDefined()
  })

  test('its code is good once (§3.5)', async () => {
    const device = await begin()
    await connect(device.user_code)
    expect((await poll(device.device_code)).status).toBe(200)
    expect(await answerOf(await poll(device.device_code))).toEqual([400, 'invalid_grant'])
  })

  test('its code is bought once, by ten at the same time', async () => {
    const device = await begin()
    await connect(device.user_code)
    const answers = await Promise.all(Array.from({ length: 10 }, () => poll(device.device_code)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test('the whole address shows the code without a script (§3.3.1), and small letters will do', async () => {
    const device = await begin()
    const page = await browser.open(String(device.verification_uri_complete))
    expect(page.text).toContain(`value="${device.user_code}"`)
    expect(page.text).not.toContain('<script')
    const confirm = await browser.submit(page, { user_code: device.user_code.toLowerCase() })
    expect(confirm.text).toContain('Is this your device?')
  })

  test('is told when the person says no', async () => {
    const device = await begin()
    const page = await browser.open('/clinic/device')
    const confirm = await browser.submit(page, { user_code: device.user_code })
    await browser.submitForm(1, confirm)
    expect(await answerOf(await poll(device.device_code))).toEqual([400, 'access_denied'])
  })

  test('a code that is wrong, used or too old is said in words, on the page', async () => {
    const wrong = await browser.submit(await browser.open('/clinic/device'), { user_code: 'BBBB-BBBB' })
    expect(wrong.text).toContain('There is no such code')
    const empty = await browser.submit(await browser.open('/clinic/device'), { user_code: '' })
    expect(empty.text).toContain('Type the code')
    const nul = await browser.submit(await browser.open('/clinic/device'), { user_code: '\0' })
    expect(nul.status).toBe(200)
    const device = await begin()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 601_000 })
    const old = await browser.submit(await browser.open('/clinic/device'), { user_code: device.user_code })
    expect(old.text).toMatch(/There is no such code|too old/)
  })

  test('another site cannot send the form (§5.4), and another browser not with its token', async () => {
    const device = await begin()
    const page = await browser.open('/clinic/device')
    const stranger = new Browser(world.origin)
    await stranger.open('/clinic/device')
    const answer = await stranger.submit(page, { user_code: device.user_code })
    expect(answer.text).not.toContain('Is this your device?')
  })

  test('its code is good for its own client alone', async () => {
    const device = await begin()
    await connect(device.user_code)
    const other = await world.addKey({ redirectUris: [appUri] })
    expect(await answerOf(await poll(device.device_code, other))).toEqual([400, 'invalid_grant'])
  })

  test('a machine has no device flow', async () => {
    const machine = await world.addKey()
    const response = await fetch(`${world.issuer}/oauth/device`, {
      method: 'POST',
      headers: basic(machine),
      body: new URLSearchParams({ scope: 'patients:read' }),
    })
    expect((await answerOf(response))[0]).toBe(400)
  })
})
