import type { EpochMs } from '../clock.ts'

/** What a service looks like to people. */
export interface BrandOnPage {
  readonly name: string
  readonly logoUrl?: string | undefined
  /** `#rrggbb` */
  readonly colour?: string | undefined
}

export interface Shown {
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
