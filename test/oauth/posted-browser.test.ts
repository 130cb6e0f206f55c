import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Browser, noBrowser, openBrowser, type Tab } from './chromium.ts'
import { type IssuedKey, rightCode, rightPassword } from './fixture.ts'
import { profile, type Suite, startSuite } from './suite.ts'

describe.skipIf(noBrowser !== undefined)('requests and answers that a browser posts', () => {
  let suite: Suite
  let browser: Browser
  let tab: Tab
  let app: IssuedKey
  let site: string
  /** What came to the app's callback. */
  const posted: URLSearchParams[] = []
  let page = ''
  const server = createServer(async (request, response) => {
    if (request.method === 'POST') posted.push(new URLSearchParams(await text(request)))
    response
      .setHeader('content-type', 'text/html')
      .end(request.url === '/start' ? page : '<h1>At the app</h1>')
  })
  beforeAll(async () => {
    suite = await startSuite('RS256', profile('openid-basic'))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    // Another site than the issuer's, which is at 127.0.0.1.
    site = `http://localhost:${(server.address() as AddressInfo).port}`
    app = await suite.addApp({ redirectUris: [`${site}/callback`] })
    browser = await openBrowser()
    tab = await browser.newPage()
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    server.closeAllConnections()
    server.close()
    await suite?.stop()
  })

  const form = (more: Record<string, string>) => {
    const fields = {
      ...{ client_id: app.key.id, redirect_uri: `${site}/callback`, response_type: 'code', scope: 'openid' },
      ...{ state: 's', nonce: 'n', response_mode: 'form_post', ...more },
    }
    const inputs = Object.entries(fields).map(
      ([name, value]) => `<input type="hidden" name="${name}" value="${value}">`,
    )
    return `<h1>App</h1><form method="post" action="${suite.issuer}/oauth/authorize">${inputs.join('')}<button>Sign in</button></form>`
  }
  const press = (name: string) => tab.getByRole('button', { name }).click()
  const seen = (words: string) => tab.getByText(words).waitFor({ timeout: 15_000 })

  test('a form of another site opens the sign-in, and its answer is posted to the app', async () => {
    page = form({})
    await tab.goto(`${site}/start`)
    await press('Sign in')
    await seen('Continue')
    await tab.fill('#email', 'ann@north.example')
    await press('Continue')
    await seen('Enter the code from your mail')
    await tab.fill('#code', rightCode)
    await press('Continue')
    await seen('Enter your password')
    await tab.fill('#password', rightPassword)
    await press('Sign in')
    await press('Allow')
    await seen('At the app')
    expect(Object.fromEntries(posted.at(-1) ?? [])).toEqual({
      code: expect.any(String),
      state: 's',
      iss: suite.issuer,
    })
  }, 60_000)

  test('the session comes with it, though no cookie of it is SameSite=None', async () => {
    page = form({ prompt: 'none' })
    await tab.goto(`${site}/start`)
    await press('Sign in')
    await seen('At the app')
    expect(Object.fromEntries(posted.at(-1) ?? [])).toEqual({
      code: expect.any(String),
      state: 's',
      iss: suite.issuer,
    })
  }, 30_000)
})
