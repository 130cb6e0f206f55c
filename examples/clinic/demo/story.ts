import { styleText } from 'node:util'
import type { Page } from './browser.ts'

/** An answer of a server. */
export interface Exchange {
  readonly status: number
  readonly headers: Headers
  /** Parsed where it is JSON, else the text. */
  readonly body: unknown
}

/** An access token, and whose it is, in words. */
export interface Bearer {
  readonly token: string
  readonly of: string
}

interface Asked {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH'
  readonly bearer?: Bearer
  readonly json?: unknown
  readonly form?: Readonly<Record<string, string>>
  readonly text?: string
  /** Client id and secret, as HTTP Basic. */
  readonly client?: { readonly id: string; readonly secret: string }
}

/** Tells what happens, step by step, with the real requests and answers; remembers whether all went as told. */
export class Story {
  #step = 0
  #surprises = 0
  readonly #names = new Map<string, string>()

  /** What a server is called in the story. */
  name(origin: string, name: string): void {
    this.#names.set(origin, name)
  }

  get wentAsTold(): boolean {
    return this.#surprises === 0
  }

  /** A new step: what is done, and why. */
  step(title: string, ...why: readonly string[]): void {
    this.#step += 1
    console.log(`\n${style('bold', `${this.#step}. ${title}`)}`)
    for (const line of why) this.say(line)
  }

  say(line: string): void {
    console.log(`   ${line}`)
  }

  /** What somebody reads, word for word. */
  quote(text: string): void {
    const line = new RegExp(`(\\S{${quoteWidth},}|.{1,${quoteWidth}})(?:\\s+|$)`, 'g')
    for (const paragraph of text.trim().split('\n'))
      for (const part of paragraph.match(line) ?? ['']) this.say(`  | ${part.trimEnd()}`)
  }

  /** Sends a request and shows it, with its answer, which must have this status. */
  async expect(
    status: number,
    url: string,
    asked: Asked = {},
    show?: (body: unknown) => string,
  ): Promise<Exchange> {
    console.log(style('cyan', `   → ${this.#where(url, asked.method ?? 'GET')}${credentialOf(asked)}`))
    const answer = await exchange(url, asked)
    const shown = (show ?? inOneLine)(answer.body)
    const text = `   ← ${answer.status}${shown === '' ? '' : ` ${shown}`}`
    console.log(style(answer.status < 400 ? 'green' : 'yellow', text))
    this.check(
      answer.status === status,
      `the answer should have been ${status}: ${inOneLine(answer.body, 2_000)}`,
    )
    return answer
  }

  /** Shows by which way a browser came to a page, and what the page asks for. */
  sees({ way, method, status, title, fields, buttons }: Page): void {
    for (const [hop, url] of way.entries()) {
      const arrow = hop === 0 ? `→ ${this.#where(url, method)}` : `  ↪ ${this.#where(url, '')}`
      console.log(style('cyan', `   ${arrow}`))
    }
    const asks = fields.length === 0 ? '' : `, asks for ${fields.join(', ')}`
    const offers = buttons.length === 0 ? '' : `   ${buttons.map((label) => `[${label}]`).join(' ')}`
    console.log(style(status < 400 ? 'green' : 'yellow', `   ← ${status} “${title}”${asks}${offers}`))
  }

  #where(url: string, method: string): string {
    const { origin, pathname, search } = new URL(url)
    return `${this.#names.get(origin) ?? origin}: ${method}${method && ' '}${shortened(pathname)}${cut(search, 40)}`
  }

  /** Notes, aloud, what did not go as told. */
  check(isAsTold: boolean, surprise: string): void {
    if (isAsTold) return
    this.#surprises += 1
    console.log(style('red', `   This did not go as told: ${surprise}`))
  }
}

export async function exchange(url: string, asked: Asked): Promise<Exchange> {
  const headers: Record<string, string> = {}
  const { bearer, client, json, form, text } = asked
  if (bearer !== undefined) headers['authorization'] = `Bearer ${bearer.token}`
  if (client !== undefined) headers['authorization'] = `Basic ${btoa(`${client.id}:${client.secret}`)}`
  if (json !== undefined) headers['content-type'] = 'application/json'
  if (text !== undefined) headers['content-type'] = 'application/yaml'
  const body =
    json === undefined ? (text ?? (form && new URLSearchParams(form)) ?? null) : JSON.stringify(json)
  const response = await fetch(url, { method: asked.method ?? 'GET', headers, body })
  return { status: response.status, headers: response.headers, body: parsed(await response.text()) }
}

/** Colours only on a terminal, and never with NO_COLOR: `styleText` looks for both. */
function style(format: Parameters<typeof styleText>[0], text: string): string {
  return styleText(format, text, { stream: process.stdout })
}

function credentialOf({ bearer, client }: Asked): string {
  if (client !== undefined) return '  (with the key)'
  return bearer === undefined ? '  (without a token)' : `  (with ${bearer.of})`
}

const widthDefault = 100
const quoteWidth = 90

/** What fits on the line. */
function inOneLine(body: unknown, width = (process.stdout.columns ?? widthDefault) - 12): string {
  return cut(typeof body === 'string' ? body : (JSON.stringify(body) ?? ''), width)
}

/** What is made by chance, so that it cannot be guessed, is nothing to read. */
function shortened(path: string): string {
  return path.replace(/[\w-]{40,}/g, (chance) => cut(chance, 10))
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
