import { CookieJar } from 'tough-cookie'
import { rightCode, rightPassword } from './fixture.ts'

/** A page, or the address at which a browser leaves this host. */
export interface Seen {
  readonly status: number
  readonly url: URL
  readonly text: string
  readonly headers: Headers
}

/** What a browser does: keeps cookies, follows redirects of its own host, sends the forms that it is shown. */
export class Browser {
  readonly jar = new CookieJar()
  /** Every answer so far, redirects among them. */
  readonly trail: { readonly method: string; readonly url: URL; readonly answer: Response }[] = []
  readonly #origin: string

  constructor(origin: string) {
    this.#origin = origin
  }

  open(url: string | URL): Promise<Seen> {
    return this.#send(new URL(url, this.#origin), { method: 'GET' })
  }

  /** Sends the page's form with these fields; `more` headers are what a stranger would change. */
  submit(page: Seen, fields: Record<string, string>, more: Record<string, string> = {}): Promise<Seen> {
    return this.submitForm(0, page, fields, more)
  }

  /** The same with another form of the page: 0 is the first. */
  submitForm(
    at: number,
    page: Seen,
    fields: Record<string, string> = {},
    more: Record<string, string> = {},
  ): Promise<Seen> {
    const form = page.text.match(/<form[\s\S]*?<\/form>/g)?.[at] ?? ''
    const action = attribute(form, /<form[^>]*\saction="([^"]*)"/)
    const hidden = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
    const kept = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, unescaped(value)]))
    return this.post(new URL(action, page.url), { ...kept, ...fields }, more)
  }

  post(url: URL, fields: Record<string, string>, more: Record<string, string> = {}): Promise<Seen> {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', ...more }
    return this.#send(url, { method: 'POST', headers, body: new URLSearchParams(fields).toString() })
  }

  async #send(url: URL, init: RequestInit & { headers?: Record<string, string> }): Promise<Seen> {
    const cookie = await this.jar.getCookieString(url.href)
    const headers = { ...init.headers, ...(cookie === '' ? {} : { cookie }) }
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    this.trail.push({ method: init.method ?? 'GET', url, answer: response })
    for (const set of response.headers.getSetCookie()) await this.jar.setCookie(set, url.href)
    const location = response.headers.get('location')
    if (location === null)
      return { status: response.status, url, text: await response.text(), headers: response.headers }
    const next = new URL(location, url)
    if (next.origin !== this.#origin)
      return { status: response.status, url: next, text: '', headers: response.headers }
    return this.#send(next, { method: 'GET' })
  }
}

function attribute(html: string, pattern: RegExp): string {
  const value = pattern.exec(html)?.[1]
  if (value === undefined) throw new Error(`no form on the page:\n${html}`)
  return unescaped(value)
}

function unescaped(value: string): string {
  return value
    .replaceAll('&amp;', '&')
    .replace(/&#(\d+);/g, (_all, code) => String.fromCharCode(Number(code)))
}

/** As a person does it who is not known yet: address, mailed code, password. Answers what comes then. */
export async function signIn(
  browser: Browser,
  url: string | URL,
  email = 'ann@north.example',
): Promise<Seen> {
  const codePage = await browser.submit(await browser.open(url), { email })
  const passwordPage = await browser.submit(codePage, { code: rightCode })
  return browser.submit(passwordPage, { password: rightPassword })
}
