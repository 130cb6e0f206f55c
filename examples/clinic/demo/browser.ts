import { type HTMLElement, parse } from 'node-html-parser'
import { CookieJar } from 'tough-cookie'

/** What a person sees when all redirects have been followed. */
export interface Page {
  readonly url: string
  /** Each address on the way here, the first one asked for included. */
  readonly way: readonly string[]
  readonly method: 'GET' | 'POST'
  readonly status: number
  readonly title: string
  /** What stands there, a paragraph a line. */
  readonly text: string
  /** Names of the fields that somebody can fill in. */
  readonly fields: readonly string[]
  /** What the buttons say. */
  readonly buttons: readonly string[]
  readonly root: HTMLElement
}

const redirectsMax = 20
const hiddenKinds = new Set(['hidden', 'submit', 'image', 'button', 'reset'])

/** A browser of one person, with cookies and forms, and without script: what every page must be content with. */
export class Browser {
  readonly #cookies = new CookieJar(undefined, { prefixSecurity: 'strict' })

  open(url: string): Promise<Page> {
    return this.#go(url)
  }

  /**
   * Fills in the fields of the form that has this button, and presses it.
   * @param among text that stands in the form or in the element around it, where several buttons say the same
   */
  press(page: Page, label: string, fill: Readonly<Record<string, string>> = {}, among = ''): Promise<Page> {
    const button = buttonsOf(page.root).find(
      (one) =>
        (labelOf(one) === label || labelOf(one).startsWith(`${label} `)) &&
        formOf(one, page)?.parentNode?.text.includes(among) === true,
    )
    const form = button && formOf(button, page)
    if (button === undefined || form === undefined)
      throw new Error(`“${page.title}” has no button “${label}”, only: ${page.buttons.join(', ')}`)
    const fields = filled(form, fill)
    const name = button.getAttribute('name')
    if (name !== undefined) fields.append(name, button.getAttribute('value') ?? '')
    const action = new URL(form.getAttribute('action') ?? page.url, page.url)
    if (form.getAttribute('method')?.toLowerCase() === 'post')
      return this.#go(action.href, { body: fields, origin: new URL(page.url).origin })
    action.search = String(fields)
    return this.#go(action.href)
  }

  async #go(url: string, form?: { readonly body: URLSearchParams; readonly origin: string }): Promise<Page> {
    const way: string[] = []
    let at = url
    let sent = form
    while (way.length <= redirectsMax) {
      way.push(at)
      const response = await this.#request(at, sent)
      const location = response.headers.get('location')
      const isRedirect = location !== null && response.status >= 300 && response.status < 400
      const markup = await response.text()
      const next = isRedirect ? location : refreshOf(markup)
      if (next === undefined)
        return pageOf(response.status, markup, at, way, form === undefined ? 'GET' : 'POST')
      at = new URL(next, at).href
      // Every redirect here is a 302 or 303: a GET follows.
      sent = undefined
    }
    throw new Error(`more than ${redirectsMax} redirects: ${way.join(' → ')}`)
  }

  async #request(
    url: string,
    form?: { readonly body: URLSearchParams; readonly origin: string },
  ): Promise<Response> {
    const cookie = await this.#cookies.getCookieString(url)
    const response = await fetch(url, {
      method: form === undefined ? 'GET' : 'POST',
      headers: {
        accept: 'text/html',
        ...(cookie === '' ? {} : { cookie }),
        ...(form === undefined ? {} : { origin: form.origin }),
      },
      body: form?.body ?? null,
      redirect: 'manual',
    })
    for (const text of response.headers.getSetCookie()) await this.#cookies.setCookie(text, url)
    return response
  }
}

/** Where a page leads on to by itself, which needs no script. */
function refreshOf(markup: string): string | undefined {
  const refresh = parse(markup).querySelector('meta[http-equiv=refresh]')?.getAttribute('content')
  return /^0;\s*url=(.+)$/i.exec(refresh ?? '')?.[1]
}

function pageOf(
  status: number,
  markup: string,
  url: string,
  way: readonly string[],
  method: 'GET' | 'POST',
): Page {
  const root = parse(markup)
  const inputs = root.querySelectorAll('input, select, textarea')
  // One without a name is not sent: it only tells a password manager whose password it is.
  const visible = inputs.filter(
    (one) => one.hasAttribute('name') && !hiddenKinds.has(one.getAttribute('type') ?? 'text'),
  )
  return {
    ...{ url, way, method, status, root },
    title: root.querySelector('title')?.text.trim() ?? '',
    text: (root.querySelector('main') ?? root).structuredText.trim(),
    fields: [...new Set(visible.map((one) => one.getAttribute('name') ?? ''))],
    buttons: buttonsOf(root).map(labelOf),
  }
}

function buttonsOf(root: HTMLElement): readonly HTMLElement[] {
  return root.querySelectorAll('button, input[type=submit]')
}

function labelOf(button: HTMLElement): string {
  const said = button.tagName === 'INPUT' ? button.getAttribute('value') : button.text
  return (said ?? '').replace(/\s+/g, ' ').trim()
}

/** The form around the button, or the one that it names. */
function formOf(button: HTMLElement, { root }: Page): HTMLElement | undefined {
  const id = button.getAttribute('form')
  return (id === undefined ? button.closest('form') : root.getElementById(id)) ?? undefined
}

/** What the form sends: what stands in it, with what is filled in. */
function filled(form: HTMLElement, fill: Readonly<Record<string, string>>): URLSearchParams {
  const fields = new URLSearchParams()
  const open = new Map(Object.entries(fill))
  for (const input of form.querySelectorAll('input')) {
    const [name, kind, value] = ['name', 'type', 'value'].map((one) => input.getAttribute(one))
    if (name === undefined || kind === 'submit') continue
    if (kind === 'radio' || kind === 'checkbox') {
      const isChosen = open.has(name) ? open.get(name) === value : input.hasAttribute('checked')
      if (isChosen) fields.append(name, value ?? 'on')
    } else fields.append(name, open.get(name) ?? value ?? '')
  }
  for (const name of open.keys())
    if (!fields.has(name))
      throw new Error(`the form has no field “${name}”: ${[...fields.keys()].join(', ')}`)
  return fields
}
