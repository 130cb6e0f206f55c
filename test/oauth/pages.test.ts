import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { appThatSays } from '../../src/consents/app.ts'
import { koaHandler } from '../../src/http/site-map.ts'
import { appOnPage } from '../../src/oauth/app-on-page.ts'
import type { Page } from '../../src/oauth/page.ts'
import { leave, render, send } from '../../src/oauth/pages.ts'
import { serve } from '../http/serving.ts'
import { pagesShown } from './pages-shown.ts'

const shown: readonly (readonly [string, Page])[] = Object.entries(pagesShown)

interface Tag {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
}

const tagPattern = /<(\/?[a-z][a-z0-9]*|!doctype html)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*>/g

/** The tags of a page; throws where anything else looks like one. */
function tagsOf(html: string): readonly Tag[] {
  const rest = html.replaceAll(tagPattern, '')
  if (/[<>]/.test(rest)) throw new Error(`no tag of ours: ${/.{0,40}[<>].{0,40}/s.exec(rest)?.[0]}`)
  return [...html.matchAll(tagPattern)].map(([, name = '', attributes = '']) => ({
    name,
    attributes: new Map(
      [...attributes.matchAll(/([a-z-]+)(?:="([^"]*)")?/g)].map(([, key = '', value = '']) => [key, value]),
    ),
  }))
}

const named = (tags: readonly Tag[], ...names: readonly string[]) =>
  tags.filter(({ name }) => names.includes(name))

describe('every page of signing in', () => {
  test.each(shown)('%s has a title, a language, one heading and a main part', (_name, page) => {
    const html = render(page)
    const tags = tagsOf(html)
    expect(named(tags, 'html')[0]?.attributes.get('lang')).toBe('en')
    expect(named(tags, 'h1', 'main', 'title')).toHaveLength(3)
    const heading = /<h1>([^<]+)<\/h1>/.exec(html)?.[1] ?? ''
    expect(heading).not.toBe('')
    const title = /<title>([^<]+)<\/title>/.exec(html)?.[1]
    expect(title).toBe(`${page.error === undefined ? '' : 'Error: '}${heading} – Riverside Clinic`)
  })

  test.each(shown)('%s has no script, no style of its own and nothing of another host', (_name, page) => {
    const tags = tagsOf(render(page))
    expect(named(tags, 'script', 'style', 'iframe', 'object', 'base')).toEqual([])
    for (const { attributes } of tags) {
      for (const name of attributes.keys()) expect(name).not.toMatch(/^(on|style$|srcset$)/)
      for (const name of ['src', 'href', 'action']) expect(attributes.get(name) ?? '/').toMatch(/^\/(?!\/)/)
    }
  })

  test.each(shown)('%s: every field has its label, and its error is tied to it', (_name, page) => {
    const tags = tagsOf(render(page))
    const ids = tags.flatMap(({ attributes }) => attributes.get('id') ?? [])
    expect(new Set(ids).size).toBe(ids.length)
    const labels = named(tags, 'label').map(({ attributes }) => attributes.get('for'))
    const fields = named(tags, 'input').filter(({ attributes }) => attributes.get('type') !== 'hidden')
    for (const { attributes } of fields) {
      expect(labels).toContain(attributes.get('id'))
      expect(attributes.get('autocomplete')).toMatch(/./)
    }
    const writable = fields.filter(({ attributes }) => !attributes.has('readonly'))
    // The first thing to fill in has the focus, and no other.
    expect(writable.filter(({ attributes }) => attributes.has('autofocus'))).toHaveLength(
      Math.min(1, writable.length),
    )
    for (const { attributes } of writable) {
      expect(attributes.has('aria-invalid')).toBe(page.error !== undefined)
      if (page.error !== undefined) expect(attributes.get('aria-describedby')).toMatch(/^error\b/)
    }
    for (const { attributes } of tags)
      for (const id of attributes.get('aria-describedby')?.split(' ') ?? []) expect(ids).toContain(id)
  })

  test.each(shown)(
    '%s: each form posts to this host with its token, by a button that says what it does',
    (_name, page) => {
      const html = render(page)
      for (const form of html.match(/<form[\s\S]*?<\/form>/g) ?? []) {
        const [opening] = tagsOf(form)
        expect(opening?.attributes.get('method')).toBe('post')
        expect(opening?.attributes.get('action')).toBe('/clinic/login/continue')
        expect(form).toContain('<input type="hidden" name="csrf" value="c5Hh2nB0k1">')
        expect(form).toMatch(/<button type="submit"[^>]*>[^<]*\S/)
      }
    },
  )

  test('has the fields that their readers look for', () => {
    const fields = (page: Page) =>
      tagsOf(render(page)).flatMap(({ name, attributes }) =>
        ['input', 'button'].includes(name) ? (attributes.get('name') ?? []) : [],
      )
    expect(fields(pagesShown.email)).toEqual(['csrf', 'email'])
    expect(fields(pagesShown.code)).toEqual(['csrf', 'code'])
    expect(fields(pagesShown.choice)).toEqual(['csrf', 'choice', 'choice'])
    expect(fields(pagesShown.password)).toEqual(['csrf', 'email', 'password'])
    expect(fields(pagesShown.forgot)).toEqual(['csrf', 'email'])
    expect(fields(pagesShown['new-password'])).toEqual(['csrf', 'new_password'])
    expect(fields(pagesShown['change-password'])).toEqual(['csrf', 'current_password', 'new_password'])
    expect(fields(pagesShown.consent)).toEqual(['csrf', 'decision', 'decision'])
    expect(fields(pagesShown.device)).toEqual(['csrf', 'xsrf', 'user_code'])
    expect(new Set(fields(pagesShown['device-confirm']))).toEqual(
      new Set(['csrf', 'xsrf', 'user_code', 'confirm', 'abort', 'decision']),
    )
    expect(new Set(fields(pagesShown.logout))).toEqual(new Set(['csrf', 'xsrf', 'logout', 'decision']))
    expect(fields(pagesShown.account)).toEqual(['csrf', 'session', 'csrf', 'session', 'csrf', 'consent'])
  })

  test.each([
    ['email', 'email', 'username'],
    ['code', 'code', 'one-time-code'],
    ['password', 'email', 'username'],
    ['password', 'password', 'current-password'],
    ['new-password', 'new_password', 'new-password'],
    ['change-password', 'current_password', 'current-password'],
    ['change-password', 'new_password', 'new-password'],
  ] as const)('%s lets a password manager fill in %s as %s', (kind, field, autocomplete) => {
    const input = tagsOf(render(pagesShown[kind])).find(({ attributes }) => attributes.get('name') === field)
    expect(input?.attributes.get('autocomplete')).toBe(autocomplete)
  })
})

describe('text of documents, customers and strangers in a page', () => {
  /** The same page with another text in every place that holds text, its kind and addresses aside. */
  const withText = (value: unknown, text: string, key = ''): unknown => {
    // What is empty stays so: that is another page, with other parts.
    if (typeof value === 'string')
      return value === '' || ['kind', 'colour'].includes(key) ? value : `${text}${value}${text}`
    if (Array.isArray(value)) return value.map((one) => withText(one, text))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withText(one, text, name)]))
  }
  const rewritten = (page: Page, text: string) => withText(page, text) as Page
  const structure = (html: string) =>
    tagsOf(html).map(({ name, attributes }) => [name, ...attributes.keys()].join(' '))

  const hostile = fc.oneof(
    fc.constantFrom(
      '<script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      "' onfocus='alert(1)",
      '</title>',
    ),
    fc.constantFrom('<!--', ']]>', '&lt;', '<%= 1 %>', '\u202emoc.elpmaxe\u202c', '\0', '\ud800', '`'),
    fc.string({ unit: 'binary' }),
  )

  test.each(shown)('%s keeps its structure whatever the text says', (_name, page) => {
    const before = structure(render(page))
    fc.assert(
      fc.property(hostile, (text) => {
        const html = render(rewritten(page, text))
        expect(structure(html)).toEqual(before)
        // Neither can it turn the reading of what stands beside it, nor break the encoding.
        expect(html).not.toMatch(/[\u202A-\u202E\u2066-\u2069\0]/)
        expect(html.isWellFormed()).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  test.each(shown)('%s isolates names by direction', (_name, page) => {
    const names = new Set<string>()
    JSON.stringify(page, (key, value: unknown) => {
      if (
        ['name', 'organization', 'email', 'redirectHost', 'app', 'browser'].includes(key) &&
        typeof value === 'string'
      )
        names.add(value)
      return value
    })
    const body = render(page).replace(/<title>.*<\/title>/, '')
    for (const name of names)
      for (const [, before = ''] of body.matchAll(new RegExp(`(.{0,20})${name}`, 'g')))
        expect(before).toMatch(/<bdi>$|value="$/)
  })
})

describe('where the answer of an app goes', () => {
  const host = (redirectUri: string | undefined) => {
    const app = { clientId: 'app_1', name: 'Calendar', keys: [], apiScopes: [], isConfidential: false }
    return appOnPage(appThatSays({ ...app, redirectUris: [] }), redirectUri).redirectHost
  }
  test.each([
    ['https://app.example:8443/callback', 'app.example:8443'],
    ['http://127.0.0.1:4711/callback', '127.0.0.1:4711'],
    ['com.example.app:/callback', 'com.example.app'],
    [undefined, 'your device'],
  ])('%s is shown as %s', (redirectUri, shown) => expect(host(redirectUri)).toBe(shown))
})

describe('a page is sent', () => {
  async function sent(wayBack?: readonly string[]) {
    const { origin } = await serve((log) =>
      koaHandler(log, (ctx) => send(ctx, pagesShown.password, 200, wayBack)),
    )
    return (await fetch(origin)).headers
  }

  test('to nobody but the one who asked, and into no frame', async () => {
    const headers = await sent()
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    )
  })

  test('so that browsers send Origin with its form, and a window that opened it can wait for the answer', async () => {
    const headers = await sent()
    expect(headers.get('referrer-policy')).toBe('same-origin')
    expect(headers.has('cross-origin-opener-policy')).toBe(false)
  })

  test('with leave for its form to lead to an app of its own scheme, and no further', async () => {
    const policy = (await sent(['com.example.app:/callback?x=1;script-src'])).get('content-security-policy')
    expect(policy).toContain("form-action 'self' com.example.app:;")
    expect(policy).not.toContain('script-src')
    const web = (await sent(['https://app.example/callback'])).get('content-security-policy')
    expect(web).toContain("form-action 'self';")
  })

  test('in whole sentences, whatever a refusal says to programs', () => {
    const html = render({ ...pagesShown.error, what: 'this sign-in is over', fix: 'go back to the app!' })
    expect(html).toContain('<p>This sign-in is over.</p>')
    expect(html).toContain('<p>Go back to the app!</p>')
    const consent = render({ ...pagesShown.consent, duration: 'until you take it back' })
    expect(consent).toContain('<dd>Until you take it back</dd>')
  })
})

describe('a form that leads to another host', () => {
  const there = 'https://app.example/callback?code=1&state="2"'

  async function left(accept: string, end?: string) {
    const { origin } = await serve((log) =>
      koaHandler(log, (ctx) => leave(ctx, { name: 'Riverside Clinic' }, there, end)),
    )
    return fetch(origin, { method: 'POST', headers: { accept }, redirect: 'manual' })
  }

  test('is answered to a browser by a page that goes on by itself, and by a link', async () => {
    const answer = await left('text/html,application/xhtml+xml,*/*;q=0.8')
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const tags = tagsOf(await answer.text())
    const escaped = there.replaceAll('&', '&amp;').replaceAll('"', '&#34;')
    expect(named(tags, 'meta').map(({ attributes }) => attributes.get('content'))).toContain(
      `0; url=${escaped}`,
    )
    expect(named(tags, 'a').map(({ attributes }) => attributes.get('href'))).toEqual([escaped])
  })

  test.each([
    ['a program', '*/*', undefined],
    ['a browser on the way to an app of its own scheme', 'text/html', 'com.example.app:/callback'],
  ])('is answered to %s by a redirect', async (_who, accept, end) => {
    const answer = await left(accept, end)
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe(encodeURI(there).replaceAll('%25', '%'))
  })
})
