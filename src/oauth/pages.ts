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

interface App {
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
  /** Each one sentence. */
  readonly rules: readonly string[]
  /** For the password manager. */
  readonly email?: string | undefined
}

/** `decision` = allow | deny. */
interface ConsentPage extends Form {
  readonly kind: 'consent'
  readonly app: App
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
  readonly app: App
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
}

interface NoticePage extends Shown {
  readonly kind: 'notice'
  readonly heading: string
  readonly text: string
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
  return layout({ ...page, heading, title, moment, styleSheets: styleSheetsFor(page.brand) })
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

type Answer = Pick<Context, 'body' | 'get' | 'redirect' | 'remove' | 'set' | 'status' | 'type'>

/**
 * Answers with a page, and with the headers that every page about signing in needs.
 * @param wayBack a redirect URI that is no web address, to which the answer to the form leads: browsers hold
 * `form-action` against each redirect, too. Web addresses are left for by `leave`.
 */
export function send(ctx: Answer, page: Page, status = 200, wayBack: readonly string[] = []): void {
  const targets = ["'self'", ...new Set(wayBack.map(formTarget))].join(' ')
  ctx.status = status
  ctx.type = 'text/html; charset=utf-8'
  ctx.set({
    'Cache-Control': 'no-store',
    'Content-Security-Policy':
      `default-src 'none'; style-src 'self'; img-src 'self'; form-action ${targets}; base-uri 'none'; ` +
      "frame-ancestors 'none'",
    // `no-referrer` would make browsers send `Origin: null` with our own forms.
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
  })
  // An app that opens the sign-in in a window of its own waits there for the answer: the two must stay connected.
  ctx.remove('Cross-Origin-Opener-Policy')
  ctx.body = render(page)
}

/**
 * Answers a form by leading on to where another host comes next. Browsers hold the page's `form-action` against every
 * redirect that follows a form, those of the other host too, which nobody here can know. So a browser gets a page that
 * goes on by itself, and begins anew there; what does not ask for a page gets the redirect.
 * @param end the redirect URI that comes in the end, if it is not `url`: an app of its own scheme is reached by redirects
 * alone, and `send` must have let the form lead there
 */
export function leave(ctx: Answer, brand: BrandOnPage, url: string, end = url): void {
  const isWeb = /^(https?:|\/)/.test(end)
  if (isWeb && ctx.get('accept').includes('text/html')) {
    send(ctx, { kind: 'onward', brand, url })
    return
  }
  ctx.status = 303
  ctx.set('Cache-Control', 'no-store')
  ctx.redirect(url)
}

/** The source expression (CSP 3 §2.3.1) that lets a form lead to a redirect URI. */
function formTarget(redirectUri: string): string {
  const { protocol, hostname, origin } = new URL(redirectUri)
  const isWeb = protocol === 'https:' || protocol === 'http:'
  // There is no expression for a scheme of an app's own but the scheme, and none for an IPv6 address.
  return isWeb && !hostname.startsWith('[') ? origin : protocol
}
