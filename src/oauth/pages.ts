import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context } from 'koa'
import type { EpochMs } from '../clock.ts'
import { type View, view } from '../http/render.ts'
import { styleSheet } from '../http/style-sheets.ts'
import type { BrandOnPage, Page, Shown } from './page.ts'

type Kind = Page['kind']

/** The heading of each page; it is its title, too. */
const headings: Readonly<Record<Exclude<Kind, 'error' | 'notice'>, string>> = {
  email: 'Sign in',
  code: 'Enter the code from your mail',
  choice: 'Choose where to sign in',
  password: 'Enter your password',
  forgot: 'Reset your password',
  'new-password': 'Choose a password',
  'change-password': 'Change your password',
  consent: 'Allow access?',
  device: 'Connect a device',
  'device-confirm': 'Is this your device?',
  'device-done': 'You can go back to your device',
  logout: 'Sign out?',
  'logged-out': 'You are signed out',
  account: 'Your sessions and apps',
  onward: 'One moment',
}

interface Laid extends Shown {
  readonly kind: Kind
  readonly heading: string
  readonly title: string
  readonly styleSheets: readonly string[]
  readonly moment: (at: EpochMs) => Moment
}

interface Moment {
  readonly iso: string
  readonly text: string
}

let layout: View<Laid> | undefined

/** The whole HTML page. Everything that it is given is escaped. */
export function render(page: Page): string {
  layout ??= view<Laid>('sign-in/layout')
  const heading = page.kind === 'error' || page.kind === 'notice' ? page.heading : headings[page.kind]
  const title = `${page.error === undefined ? '' : 'Error: '}${heading} – ${page.brand.name}`
  return layout({
    ...page,
    ...sentencesOf(page),
    heading,
    title,
    moment,
    styleSheets: styleSheetsFor(page.brand),
  })
}

/** Refusals of ours are told to programs and people alike; to people in whole sentences. */
function sentencesOf({ error, ...page }: Page): Readonly<Record<string, string>> {
  const said = { ...(error && { error }), ...(page.kind === 'error' && { what: page.what, fix: page.fix }) }
  return {
    ...Object.fromEntries(Object.entries(said).map(([name, text]) => [name, sentence(text)])),
    ...(page.kind === 'consent' && { duration: capitalized(page.duration) }),
  }
}

function sentence(text: string): string {
  const end = /[.!?]$/.test(text) ? '' : '.'
  return capitalized(text) + end
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

const inWords = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })

/** Nobody asks the browser for its time zone: that would need a script. */
function moment(at: EpochMs): Moment {
  return { iso: new Date(at).toISOString(), text: `${inWords.format(at)} UTC` }
}

function styleSheetsFor({ colour }: BrandOnPage): readonly string[] {
  const own = colour === undefined ? [] : [`/static/colour/${colour.slice(1).toLowerCase()}.css`]
  return [styleSheet('sign-in.css'), ...own]
}

type Answer = Pick<Context, 'body' | 'get' | 'redirect' | 'remove' | 'set' | 'status'>

/**
 * Answers with a page, and with the headers that every page about signing in needs.
 * @param wayBack redirect URIs to which the answer to the form may lead: browsers hold `form-action` against each redirect.
 * For those of an app's own scheme there is no other way; web addresses are left for by `leave`, and need not be named
 */
export function send(
  ctx: Answer,
  page: Page,
  status = 200,
  wayBack: readonly (string | undefined)[] = [],
): void {
  ctx.status = status
  ctx.set(headersOf(wayBack))
  // An app that opens the sign-in in a window of its own waits there for the answer: the two must stay connected.
  ctx.remove('Cross-Origin-Opener-Policy')
  ctx.body = render(page)
}

/** The same where no Koa is around. */
export function write(response: ServerResponse, page: Page, status: number): void {
  response.writeHead(status, headersOf([]))
  response.end(render(page))
}

/** Whether a browser asks, for one of the paths at which people are. */
export function isForPeople({ url = '', headers }: IncomingMessage): boolean {
  return peoplesPath.test(url) && headers.accept?.includes('text/html') === true
}

/** With the service's slug or without it. */
const peoplesPath = /^(\/[^/?]+)?\/(device|login|oauth\/(authorize|logout))([/?]|$)/i

function headersOf(wayBack: readonly (string | undefined)[]): Readonly<Record<string, string>> {
  const targets = ["'self'", ...new Set(wayBack.flatMap(formTarget))].join(' ')
  return {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-store',
    'Content-Security-Policy':
      `default-src 'none'; style-src 'self'; img-src 'self'; form-action ${targets}; base-uri 'none'; ` +
      "frame-ancestors 'none'",
    // `no-referrer` would make browsers send `Origin: null` with our own forms.
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
  }
}

/**
 * Answers a form by leading on to where another host comes next. Browsers hold the page's `form-action` against every
 * redirect that follows a form, those of the other host too, which nobody here can know. So a browser gets a page that
 * goes on by itself, and begins anew there; what does not ask for a page gets the redirect.
 * @param end the redirect URI that comes in the end, if it is not `url`: an app of its own scheme is reached by redirects
 * alone, and `send` must have let the form lead there
 */
export function leave(ctx: Answer, brand: BrandOnPage, url: string, end = url): void {
  if (isWeb(end) && ctx.get('accept').includes('text/html')) {
    ctx.remove('Location')
    send(ctx, { kind: 'onward', brand, url })
    return
  }
  ctx.status = 303
  ctx.set('Cache-Control', 'no-store')
  ctx.redirect(url)
}

/** The source expression (CSP 3 §2.3.1) that lets a form lead to the redirect URI of an app's own scheme. */
function formTarget(redirectUri: string | undefined): readonly string[] {
  if (redirectUri === undefined || isWeb(redirectUri)) return []
  return [new URL(redirectUri).protocol]
}

function isWeb(url: string): boolean {
  return /^(https?:|\/)/i.test(url)
}
