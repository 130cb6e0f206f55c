import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context } from 'koa'
import type { EpochMs } from '../clock.ts'
import { type View, view } from '../http/render.ts'
import { styleSheet } from '../http/style-sheets.ts'

/** What a service looks like to people. */
export interface BrandOnPage {
  readonly name: string
  readonly logoUrl?: string | undefined
  /** `#rrggbb` */
  readonly colour?: string | undefined
}

interface Shown {
  readonly brand: BrandOnPage
  /** What went wrong with what was sent, and what to do about it: a sentence or two. */
  readonly error?: string | undefined
  /** What has happened: a sentence or two. */
  readonly notice?: string | undefined
}

/** A page with a form, which posts to this host. */
interface Form extends Shown {
  readonly action: string
  /** Sent back as `csrf`, and as `xsrf` where the library reads the form. */
  readonly csrf: string
}

export interface AppOnPage {
  readonly name: string
  /** Who made it, if that is known. */
  readonly organization?: string | undefined
  /** Whether an organization answers for it; if not, it has only said itself who it is. */
  readonly verified: boolean
  /** The host that gets the answer. */
  readonly redirectHost: string
}

/** Asks for the address by which the organization is found: `email`. */
interface EmailPage extends Form {
  readonly kind: 'email'
  readonly email?: string | undefined
  /** The app that the person comes from. */
  readonly app?: string | undefined
}

/** Asks for the code that was mailed: `code`. */
interface CodePage extends Form {
  readonly kind: 'code'
  readonly email: string
  /** Where another address can be given, or another code asked for. */
  readonly otherUrl?: string | undefined
}

/** One button for each way in: `choice`. */
interface ChoicePage extends Form {
  readonly kind: 'choice'
  readonly choices: readonly { readonly value: string; readonly name: string; readonly detail: string }[]
}

/** `email` and `password`. */
interface PasswordPage extends Form {
  readonly kind: 'password'
  readonly email: string
  readonly organization: string
  readonly forgotUrl: string
  /** Where another address or organization can be given. */
  readonly otherUrl: string
}

/** Asks where to send the link for a new password: `email`. */
interface ForgotPage extends Form {
  readonly kind: 'forgot'
  readonly email?: string | undefined
}

/** `new_password`. */
interface NewPasswordPage extends Form {
  readonly kind: 'new-password'
  /** In characters. */
  readonly minLength: number
  /** What is asked of a password, each one sentence; how long it must be is one of them. */
  readonly rules: readonly string[]
  /** For the password manager. */
  readonly email?: string | undefined
}

/** `current_password` and `new_password`. */
interface ChangePasswordPage extends Form {
  readonly kind: 'change-password'
  /** For the password manager. */
  readonly email: string
  /** In characters. */
  readonly minLength: number
  /** What is asked of a password, each one sentence; how long it must be is one of them. */
  readonly rules: readonly string[]
  readonly backUrl: string
}

/** `decision` = allow | deny. */
interface ConsentPage extends Form {
  readonly kind: 'consent'
  readonly app: AppOnPage
  readonly person: { readonly email: string; readonly organization: string }
  readonly scopes: readonly {
    readonly name: string
    /** What it allows, in words. */
    readonly description: string
    /** Whether the person may do any of it; what nobody can use is left out of the token. */
    readonly usable: boolean
    /** Why not, if not. */
    readonly why?: string | undefined
  }[]
  /** For how long: `until you take it back`, say. */
  readonly duration: string
  /** Where it can be taken back. */
  readonly accountUrl?: string | undefined
}

/** Asks for the code that a device shows: `user_code`. */
interface DevicePage extends Form {
  readonly kind: 'device'
  readonly code?: string | undefined
}

/** `decision` = allow | deny, `user_code`; for the library also `confirm` or `abort`. */
interface DeviceConfirmPage extends Form {
  readonly kind: 'device-confirm'
  readonly app: AppOnPage
  readonly code: string
}

interface DeviceDonePage extends Shown {
  readonly kind: 'device-done'
  /** The person said no. */
  readonly denied?: boolean | undefined
}

/** `decision` = allow | deny; for the library also `logout` = yes. */
interface LogoutPage extends Form {
  readonly kind: 'logout'
  /** The app that asks for it. */
  readonly app?: string | undefined
}

interface LoggedOutPage extends Shown {
  readonly kind: 'logged-out'
  readonly signInUrl?: string | undefined
}

/** One's own sessions and consents; a form each, with `session` or `consent`. */
interface AccountPage extends Form {
  readonly kind: 'account'
  readonly person?: { readonly email: string; readonly organization: string } | undefined
  /** Where they change their password, if they have one. */
  readonly passwordUrl?: string | undefined
  readonly sessions: readonly {
    readonly id: string
    readonly startedAt: EpochMs
    readonly lastSeenAt: EpochMs
    readonly browser: string
    /** The one that looks at the page. */
    readonly current: boolean
  }[]
  readonly consents: readonly {
    readonly id: string
    readonly app: string
    /** In words. */
    readonly scopes: readonly string[]
    readonly grantedAt: EpochMs
  }[]
}

interface ErrorPage extends Shown {
  readonly kind: 'error'
  readonly heading: string
  /** What happened. */
  readonly what: string
  /** What to do. */
  readonly fix: string
  readonly requestId: string
  /** What only a developer understands. */
  readonly detail?: string | undefined
  readonly link?: Link | undefined
}

/** Where one goes from here. */
interface Link {
  readonly url: string
  readonly text: string
}

interface NoticePage extends Shown {
  readonly kind: 'notice'
  readonly heading: string
  readonly text: string
  readonly link?: Link | undefined
  /** The app waits: a form, `decision` = back, leads to it. */
  readonly wayBack?: { readonly action: string; readonly csrf: string; readonly app: string } | undefined
}

/** Goes on by itself to another address. */
interface OnwardPage extends Shown {
  readonly kind: 'onward'
  readonly url: string
}

/** Everything that a person sees of signing in. `kind` is the name of its view. */
export type Page =
  | EmailPage
  | CodePage
  | ChoicePage
  | PasswordPage
  | ForgotPage
  | NewPasswordPage
  | ChangePasswordPage
  | ConsentPage
  | DevicePage
  | DeviceConfirmPage
  | DeviceDonePage
  | LogoutPage
  | LoggedOutPage
  | AccountPage
  | ErrorPage
  | NoticePage
  | OnwardPage

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
