import type { Context } from 'koa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { koaHandler, siteMap } from '../../src/http/site-map.ts'
import { answersStyleSheets } from '../../src/http/style-sheets.ts'
import type { Page } from '../../src/oauth/page.ts'
import { leave, send } from '../../src/oauth/pages.ts'
import { serve } from '../http/serving.ts'
import { type Browser, faultsOf, noBrowser, openBrowser, type Tab } from './chromium.ts'
import { pagesShown } from './pages-shown.ts'

const shown: Readonly<Record<string, Page>> = pagesShown
// What goes on by itself is gone before it can be looked at; it is seen to go on below.
const names = Object.keys(pagesShown).filter((name) => name !== 'onward')

/** The pages with names as long as customers may give them, and without a place to break. */
function stretched(value: unknown, key = ''): unknown {
  if (typeof value === 'string')
    return ['name', 'organization', 'app', 'browser', 'redirectHost', 'what', 'email'].includes(key)
      ? value.repeat(6).replaceAll(' ', '')
      : value
  if (Array.isArray(value)) return value.map((one) => stretched(one))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, stretched(one, name)]))
}

describe.skipIf(noBrowser !== undefined)('the pages of signing in, in a browser', () => {
  let browser: Browser
  let origin: string
  let elsewhere: string
  const tabs: Partial<Record<'light' | 'dark', Tab>> = {}
  const said: string[] = []
  beforeAll(async () => {
    browser = await openBrowser()
    const third = await serve((log) => koaHandler(log, arrived))
    const app = await serve((log) => koaHandler(log, (ctx) => ctx.redirect(third.origin)))
    elsewhere = app.origin
    ;({ origin } = await serve((log) =>
      siteMap({ static: koaHandler(log, answersStyleSheets) }, koaHandler(log, answer)),
    ))
    for (const colorScheme of ['light', 'dark'] as const) {
      const tab = await browser.newPage({ colorScheme })
      tab.on('console', (message) => said.push(message.text()))
      tabs[colorScheme] = tab
    }
  }, 60_000)
  afterAll(() => browser?.close())

  function arrived(ctx: Context): void {
    ctx.body = 'arrived'
  }

  function answer(ctx: Context): void {
    const name = ctx.path.slice(1)
    const page = shown[name.replace(/^long-/, '')]
    if (ctx.method === 'POST') leave(ctx, pagesShown.email.brand, `${elsewhere}/callback?code=1`)
    else if (page === undefined) ctx.status = 204
    else send(ctx, name.startsWith('long-') ? (stretched(page) as Page) : page)
  }

  async function open(path: string, colorScheme: 'light' | 'dark' = 'light'): Promise<Tab> {
    const tab = tabs[colorScheme]
    if (tab === undefined) throw new Error('no tab')
    await tab.goto(`${origin}/${path}`)
    return tab
  }

  test.each(names)('%s: axe finds no fault (WCAG 2.2 AA and its own best practice)', async (name) => {
    said.length = 0
    const tab = await open(name)
    expect(await faultsOf(tab)).toEqual([])
    expect(await tab.evaluate('document.styleSheets.length')).toBeGreaterThan(0)
    expect(said.filter((line) => line.includes('Content Security Policy'))).toEqual([])
    expect(await faultsOf(await open(name, 'dark'), ['color-contrast'])).toEqual([])
  })

  test.each(names)('%s fits 320 pixels, and twice the size, whatever the names', async (name) => {
    const tab = await open(`long-${name}`)
    for (const [width, size] of [
      [320, '100%'],
      [640, '200%'],
    ] as const) {
      await tab.setViewportSize({ width, height: 480 })
      await tab.evaluate(`document.documentElement.style.fontSize = '${size}'`)
      expect(await tab.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
    }
    await tab.setViewportSize({ width: 1000, height: 700 })
  })

  test('the first field has the focus, and the keyboard reaches the rest in order', async () => {
    const tab = await open('password')
    const focused = () => tab.evaluate('document.activeElement.id || document.activeElement.textContent')
    expect(await focused()).toBe('password')
    await tab.keyboard.press('Tab')
    expect(await focused()).toBe('Sign in')
    await tab.keyboard.press('Tab')
    expect(await focused()).toBe('I have forgotten my password')
  })

  test.each([true, false])(
    'a form leads through redirects of hosts that the policy does not name (script on: %s)',
    async (javaScriptEnabled) => {
      const tab = await browser.newPage({ javaScriptEnabled })
      await tab.goto(`${origin}/consent`)
      await tab.getByRole('button', { name: 'Allow' }).click()
      await tab.getByText('arrived').waitFor({ timeout: 10_000 })
      await tab.close()
    },
  )
})
