import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { passwordHasher } from '../../src/users/argon2.ts'
import { users } from '../../src/users/user.ts'
import { appOf, ask } from './app.ts'
import { type Browser, faultsOf, noBrowser, openBrowser, type Tab } from './chromium.ts'
import { type IssuedKey, rightCode, rightPassword, startWorld, type World } from './fixture.ts'

const open: Server[] = []

/** A host of its own, that answers with a redirect or a text. */
async function host(answer: (url: string) => { readonly to: string } | string): Promise<string> {
  const server = createServer((request, response) => {
    const said = answer(request.url ?? '/')
    if (typeof said === 'string') response.end(said)
    else response.writeHead(303, { location: said.to }).end()
  })
  open.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}`
}

describe.skipIf(noBrowser !== undefined)('a person in a browser', () => {
  let world: World
  let browser: Browser
  let tab: Tab
  let app: IssuedKey
  let appOrigin: string
  let returned: URL | undefined
  beforeAll(async () => {
    world = await startWorld()
    browser = await openBrowser()
    tab = await browser.newPage()
    const home = await host(() => 'welcome to the app')
    // Like many an app, it leads on to another host from its callback.
    appOrigin = await host((url) => {
      returned = new URL(url, 'http://app.example')
      return { to: home }
    })
    const redirectUris = [`${appOrigin}/callback`]
    app = await world.addKey({ name: 'Calendar', redirectUris, postLogoutRedirectUris: [`${appOrigin}/bye`] })
    const ann = await world.addUser()
    const hash = await passwordHasher(randomBytes).hash(rightPassword)
    const sealedHash = world.secrets.seal('passwords', ann.id, hash)
    await world.change(users, ann, { password: { sealedHash, changedAt: world.clock() } })
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    for (const server of open) server.closeAllConnections()
    for (const server of open) server.close()
    await world?.stop()
  })

  const heading = () => tab.evaluate('document.querySelector("h1").textContent')
  const press = async (name: string) => {
    await tab.getByRole('button', { name }).click()
  }
  const seen = (text: string) => tab.getByText(text).waitFor({ timeout: 15_000 })

  test('signs in, consents, and comes back to the app, wherever that leads on to', async () => {
    const config = await appOf(world, app)
    const asked = await ask(config, { redirectUri: `${appOrigin}/callback`, scope: 'openid patients:read' })
    await tab.goto(asked.url.href)
    expect(await heading()).toBe('Sign in')
    await tab.fill('#email', 'ann@north.example')
    await press('Continue')
    await seen('Enter the code from your mail')
    await tab.fill('#code', '000000')
    await press('Continue')
    await seen('Error:')
    expect(await faultsOf(tab)).toEqual([])
    await tab.fill('#code', rightCode)
    await press('Continue')
    await seen('Enter your password')
    expect(await faultsOf(tab)).toEqual([])
    await tab.fill('#password', 'wrong')
    await press('Sign in')
    await seen('Error:')
    expect(await faultsOf(tab)).toEqual([])
    await tab.fill('#password', rightPassword)
    await press('Sign in')
    await seen('Allow access?')
    expect(await tab.content()).toContain('Calendar')
    expect(await faultsOf(tab)).toEqual([])
    await press('Allow')
    await seen('welcome to the app')
    const back = new URL(`${appOrigin}${returned?.pathname}${returned?.search}`)
    const tokens = await client.authorizationCodeGrant(config, back, asked.checks)
    expect(tokens.scope).toContain('patients:read')
  })

  test('sees the session and the app, and takes the consent back', async () => {
    await tab.goto(`${world.issuer}/login`)
    expect(await heading()).toBe('Your sessions and apps')
    await seen('(this browser)')
    expect(await faultsOf(tab)).toEqual([])
    await press('Take back')
    await seen('None.')
  })

  test('changes the password, and stays signed in', async () => {
    await tab.goto(`${world.issuer}/login`)
    await tab.getByRole('link', { name: 'Change your password' }).click()
    await seen('Current password')
    expect(await faultsOf(tab)).toEqual([])
    await tab.fill('#current_password', 'not the password')
    await tab.fill('#new_password', 'plum velvet harbour ninety')
    await press('Change the password')
    await seen('That is not your current password.')
    expect(await faultsOf(tab)).toEqual([])
    await tab.fill('#current_password', rightPassword)
    await tab.fill('#new_password', 'plum velvet harbour ninety')
    await press('Change the password')
    await seen('Your password is changed')
    expect(await faultsOf(tab)).toEqual([])
    await tab.getByRole('link', { name: 'Your sessions and apps' }).click()
    await seen('(this browser)')
  })

  test('connects a device, or denies it', async () => {
    const config = await appOf(world, app)
    const first = await client.initiateDeviceAuthorization(config, { scope: 'patients:read' })
    await tab.goto(first.verification_uri)
    await tab.fill('#user_code', 'BBBB-BBBB')
    await press('Continue')
    await seen('There is no such code.')
    await tab.fill('#user_code', first.user_code.toLowerCase())
    await press('Continue')
    await seen('Is this your device?')
    await seen('Calendar')
    expect(await faultsOf(tab)).toEqual([])
    await press('No, deny it')
    await seen('The device was not connected.')

    const second = await client.initiateDeviceAuthorization(config, { scope: 'patients:read' })
    await tab.goto(second.verification_uri)
    await tab.fill('#user_code', second.user_code)
    await press('Continue')
    await press('Yes, go on')
    await seen('Allow access?')
    await press('Allow')
    await seen('The device is connected')
  })

  test('is asked before signing out; may stay, or go, back to the app', async () => {
    await tab.goto(`${world.issuer}/oauth/logout?client_id=${app.key.id}`)
    await seen('Calendar')
    expect(await faultsOf(tab)).toEqual([])
    await press('Stay signed in')
    await seen('You are still signed in')
    await tab.goto(
      `${world.issuer}/oauth/logout?client_id=${app.key.id}&post_logout_redirect_uri=${appOrigin}/bye`,
    )
    await press('Sign out')
    await seen('welcome to the app')
    expect(returned?.pathname).toBe('/bye')
    await tab.goto(`${world.issuer}/login`)
    expect(await heading()).toBe('Sign in')
  })

  test('meets a page that says what to do where an app is not known', async () => {
    await tab.goto(`${world.issuer}/oauth/authorize?client_id=nobody`)
    expect(await heading()).toBe('This app is not known here')
    expect(await faultsOf(tab)).toEqual([])
  })
})
