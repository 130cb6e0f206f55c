import { z } from 'zod'
import { Failure, refusalFrom } from './failure.ts'
import { type Item, type ItemPage, isItem } from './output.ts'

type Query = Readonly<Record<string, string | undefined>>

interface Sending {
  readonly query?: Query
  /** Sent as JSON. */
  readonly body?: unknown
  /** Sent as it is, with this media type. */
  readonly raw?: { readonly content: string; readonly mediaType: string }
  /** The `ETag` of what the change starts from: refused if it is no longer that. */
  readonly ifMatch?: string | undefined
}

/** The management API: each call answers the API's own body, or throws a `Failure`. */
export interface ManagementApi {
  get(path: string, query?: Query): Promise<Item>
  /** What a change starts from, and the `ETag` to hand back with it. */
  read(path: string): Promise<{ readonly body: Item; readonly etag: string | undefined }>
  /** The text of an answer that is no JSON of the API's own (a document, as it was sent). */
  text(path: string): Promise<string>
  /** A page of at most `limit` from `cursor`; without a limit all pages, one after the other. */
  list(path: string, paging: Paging, query?: Query): Promise<ItemPage>
  send(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, sending?: Sending): Promise<Item>
  /** What guards ask, beside the management API: the name of what is asked, under the service. */
  sendToService(service: string, name: string, body: unknown): Promise<Item>
}

export interface Paging {
  readonly limit?: string | undefined
  readonly cursor?: string | undefined
}

const answerWithinMs = 60_000
const pageSize = '100'
const Page = z.object({
  items: z.array(z.record(z.string(), z.unknown())),
  next_cursor: z.string().nullable(),
})

/**
 * @param server gives the server's origin
 * @param token gives an access token of the service `latchkey`
 */
export function managementApi(server: () => Promise<string>, token: () => Promise<string>): ManagementApi {
  async function call(
    method: string,
    path: string,
    sending: Sending = {},
    base = '/api/v1',
  ): Promise<Response> {
    const origin = await server()
    const url = new URL(`${base}${path}`, origin)
    for (const [name, value] of Object.entries(sending.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, value)
    const headers: Record<string, string> = { authorization: `Bearer ${await token()}` }
    const mediaType = sending.raw?.mediaType ?? (sending.body === undefined ? undefined : 'application/json')
    if (mediaType !== undefined) headers['content-type'] = mediaType
    if (sending.ifMatch !== undefined) headers['if-match'] = sending.ifMatch
    const body = sending.raw?.content ?? (sending.body === undefined ? null : JSON.stringify(sending.body))
    const response = await reach(origin, url, { method, headers, body })
    if (!response.ok) throw refusalFrom(response.status, jsonOf(await response.text()))
    return response
  }
  const item = async (response: Response): Promise<Item> => {
    const body = jsonOf(await response.text())
    return isItem(body) ? body : {}
  }
  return {
    get: async (path, query = {}) => item(await call('GET', path, { query })),
    async read(path) {
      const response = await call('GET', path)
      return { etag: response.headers.get('etag') ?? undefined, body: await item(response) }
    },
    text: async (path) => (await call('GET', path)).text(),
    send: async (method, path, sending) => item(await call(method, path, sending)),
    sendToService: async (service, name, body) =>
      item(await call('POST', `${at`/${service}`}/${name}`, { body }, '')),
    async list(path, { limit, cursor }, query = {}) {
      const items: Item[] = []
      let next: string | null | undefined = cursor
      do {
        const asked = { ...query, limit: limit ?? pageSize, cursor: next ?? undefined }
        const page = Page.parse(await item(await call('GET', path, { query: asked })))
        items.push(...page.items)
        next = page.next_cursor
      } while (next !== null && limit === undefined)
      return { items, next_cursor: next }
    },
  }
}

/** @throws {Failure} exit code 3 if nothing answers there */
async function reach(server: string, url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(answerWithinMs) })
  } catch (cause) {
    throw unreachable(server, cause)
  }
}

export function unreachable(server: string, cause: unknown): Failure {
  return new Failure(`no answer from ${server}`, {
    exitCode: 3,
    fix: 'start the server there (npm start), or name another with --server or LATCHKEY_CLI_SERVER',
    cause,
  })
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A path with its parameters encoded. @throws {Failure} exit code 2 for one that no path can carry */
export function at(parts: TemplateStringsArray, ...values: readonly string[]): string {
  return String.raw({ raw: parts }, ...values.map(segment))
}

function segment(value: string): string {
  // A dot segment would be taken out of the URL and name something else.
  if (value === '' || value === '.' || value === '..')
    throw new Failure(`“${value}” names nothing`, { exitCode: 2, fix: 'give an id or a name' })
  return encodeURIComponent(value)
}
