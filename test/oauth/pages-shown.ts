import type { Page } from '../../src/oauth/page.ts'

const brand = { name: 'Riverside Clinic', logoUrl: '/clinic/logo', colour: '#0b6b3a' }
const form = { brand, action: '/clinic/login/continue', csrf: 'c5Hh2nB0k1' }
const failed = { error: 'That did not work. Try it once more.' }
const person = { email: 'ada@harbour-street.example', organization: 'Harbour Street Practice' }
const app = {
  name: 'Appointments',
  organization: 'Bright Apps Ltd',
  verified: true,
  redirectHost: 'app.bright.example',
}
const startedAt = Date.parse('2030-01-01T08:00:00Z')

/** Each page as people may meet it: every optional part there in one, and absent in another. */
export const pagesShown = {
  email: { ...form, kind: 'email', app: 'Appointments' },
  'email-failed': { ...form, ...failed, kind: 'email', email: 'ada@' },
  code: { ...form, kind: 'code', email: person.email, otherUrl: '/clinic/login' },
  'code-failed': { ...form, ...failed, kind: 'code', email: person.email },
  choice: {
    ...form,
    kind: 'choice',
    choices: [
      { value: 'a', name: 'Harbour Street Practice', detail: 'with a password' },
      { value: 'b', name: 'Riverside Hospital Trust', detail: 'with its own sign-in' },
    ],
  },
  password: { ...form, kind: 'password', ...person, forgotUrl: '/clinic/forgot', otherUrl: '/clinic/login' },
  'password-failed': {
    ...form,
    error: 'The address and the password do not belong together.',
    kind: 'password',
    ...person,
    forgotUrl: '/clinic/forgot',
    otherUrl: '/clinic/login',
  },
  forgot: { ...form, kind: 'forgot', email: person.email },
  'forgot-failed': { ...form, ...failed, kind: 'forgot' },
  'new-password': {
    ...form,
    kind: 'new-password',
    email: person.email,
    minLength: 15,
    rules: [
      'At least 15 characters: a few words that do not belong together will do.',
      'Passwords that many people have, and your own address, are refused.',
    ],
  },
  'new-password-failed': {
    ...form,
    kind: 'new-password',
    error: 'This is a password that many people have. Take one of your own.',
    minLength: 15,
    rules: [],
  },
  'change-password': {
    ...form,
    kind: 'change-password',
    email: person.email,
    minLength: 15,
    rules: ['At least 15 characters: a few words that do not belong together will do.'],
    backUrl: '/clinic/login',
  },
  'change-password-failed': {
    ...form,
    kind: 'change-password',
    error: 'That is not your current password.',
    email: person.email,
    minLength: 15,
    rules: ['At least 15 characters: a few words that do not belong together will do.'],
    backUrl: '/clinic/login',
  },
  consent: {
    ...form,
    kind: 'consent',
    app,
    person,
    scopes: [
      { name: 'patients:read', description: 'Read patients and their appointments', usable: true },
      {
        name: 'patients:write',
        description: 'Change patients',
        usable: false,
        why: 'Your role does not allow it.',
      },
      { name: 'billing', description: '', usable: false },
    ],
    duration: 'Until you take it back',
    accountUrl: '/clinic/account',
  },
  'consent-unverified': {
    ...form,
    kind: 'consent',
    app: { name: 'Riverside CIinic Official', verified: false, redirectHost: 'riverside.evil.example' },
    person,
    scopes: [],
    duration: 'For one hour',
  },
  device: { ...form, kind: 'device' },
  'device-failed': { ...form, ...failed, kind: 'device', code: 'WDJB-MJHT' },
  'device-confirm': { ...form, kind: 'device-confirm', app, code: 'WDJB-MJHT' },
  'device-done': { brand, kind: 'device-done' },
  'device-denied': { brand, kind: 'device-done', denied: true },
  logout: { ...form, kind: 'logout', app: 'Appointments' },
  'logged-out': { brand, kind: 'logged-out', signInUrl: '/clinic/login' },
  account: {
    ...form,
    kind: 'account',
    person,
    passwordUrl: '/clinic/login/password',
    notice: 'The session was ended.',
    sessions: [
      { id: 's1', startedAt, lastSeenAt: startedAt + 3_600_000, browser: 'Firefox on Linux', current: true },
      { id: 's2', startedAt, lastSeenAt: startedAt, browser: 'Safari on an iPhone', current: false },
    ],
    consents: [
      { id: 'g1', app: 'Appointments', scopes: ['Read patients', 'Change patients'], grantedAt: startedAt },
    ],
  },
  'account-empty': { ...form, kind: 'account', sessions: [], consents: [] },
  error: {
    brand,
    kind: 'error',
    heading: 'This sign-in has run out',
    what: 'It was begun too long ago, or in another browser.',
    fix: 'Go back to the app and begin again.',
    requestId: '01jz8x6v0kq3m5n7p9r1s3t501',
    detail: 'invalid_request: interaction session not found',
  },
  'error-plain': {
    brand: { name: 'Riverside Clinic' },
    kind: 'error',
    heading: 'Something went wrong',
    what: 'The fault is ours.',
    fix: 'Try again.',
    requestId: '01jz8x6v0kq3m5n7p9r1s3t502',
    link: { url: '/clinic/login/1b2c/other', text: 'Sign in another way' },
  },
  onward: { brand, kind: 'onward', url: '/clinic/oauth/authorize/1b2c' },
  notice: {
    brand,
    kind: 'notice',
    heading: 'Look into your mail',
    text: 'If somebody signs in with that address, a link is on its way.',
    link: { url: '/clinic/login', text: 'Sign in' },
  },
  'notice-back': {
    brand,
    kind: 'notice',
    heading: 'Your organization has to approve this app',
    text: 'It cannot act for you yet: your organization decides which apps its people use.',
    wayBack: { action: '/clinic/login/continue', csrf: 'c5Hh2nB0k1', app: app.name },
  },
} as const satisfies Record<string, Page>
