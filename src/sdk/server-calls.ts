import type { Bundle, Facts, FactsQuestion, NewResource, RegisteredResource } from './bundle.ts'
import type { DecisionBatch } from './decision-batch.ts'
import type { TokenSource } from './held-token.ts'
import { parseBundle, parseFacts, parseJson, parseRegistered } from './parse-wire.ts'
import { type Fetch, retryAfterOf } from './token-request.ts'

/** A server did not answer as it should. */
class ServerRefused extends Error {
  override readonly name: string = 'ServerRefused'
  readonly status: number
  readonly retryAfterSeconds: number | undefined

  /** @param words what it says of it, where it says something */
  constructor(address: string, response: Response, words = '') {
    super(`${address} answered ${response.status}${words}`)
    this.status = response.status
    this.retryAfterSeconds = retryAfterOf(response)
  }
}

export interface CallsOptions {
  readonly service: string
  readonly tokens: TokenSource
  readonly fetch: Fetch
  readonly signal: AbortSignal
}

const timeoutMs = 5_000
/** What is wrong with the request itself. */
const neverTaken = new Set([400, 413, 415])
/** What the key, the service or the resource is refused for, now and later. */
const neverRegistered = new Set([400, 403, 404, 409, 413, 415, 422])

/** What a guard asks a Latchkey server, with its own token. */
export interface ServerCalls {
  /** `undefined`: nothing has changed since `etag`. */
  bundle(server: string, etag?: string): Promise<{ bundle: Bundle; etag: string | undefined } | undefined>
  facts(server: string, question: FactsQuestion): Promise<Facts>
  /** `refused`: the server will never take this batch, however often it is sent. */
  decisions(server: string, batch: DecisionBatch): Promise<'taken' | 'refused'>
  /** `refused`: the server will never take this resource, however often it is told of it. */
  register(
    server: string,
    resource: NewResource,
  ): Promise<
    | { readonly kind: 'registered'; readonly resource: RegisteredResource }
    | { readonly kind: 'refused'; readonly why: string }
  >
  /** @param after the position up to which changes have been taken in */
  stream(server: string, after: number, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>
}

export function serverCalls({ service, tokens, fetch, signal }: CallsOptions): ServerCalls {
  async function call(
    address: string,
    init: RequestInit,
    accept: string,
    within: AbortSignal,
  ): Promise<Response> {
    const token = await tokens.token()
    const headers = { ...init.headers, accept, authorization: `Bearer ${token}` }
    const response = await fetch(address, { ...init, headers, redirect: 'error', signal: within })
    if (response.ok || response.status === 304) return response
    // The next try comes with a new token: this one may have been revoked, or the server have lost its key.
    if (response.status === 401) tokens.drop(token)
    throw new ServerRefused(address, response, wordsOf(await response.text()))
  }
  const soon = () => AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])

  return {
    async bundle(server, etag) {
      const headers: Record<string, string> = etag === undefined ? {} : { 'if-none-match': etag }
      const response = await call(`${server}/${service}/bundle`, { headers }, 'application/json', soon())
      if (response.status === 304) return undefined
      const bundle = parseBundle(parseJson(await response.text()))
      return { bundle, etag: response.headers.get('etag') ?? undefined }
    },
    async facts(server, question) {
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(question),
      }
      const response = await call(`${server}/${service}/facts`, init, 'application/json', soon())
      return parseFacts(parseJson(await response.text()))
    },
    async decisions(server, batch) {
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(batch),
      }
      try {
        const response = await call(`${server}/${service}/decisions`, init, 'application/json', soon())
        await response.body?.cancel()
        return 'taken'
      } catch (error) {
        if (error instanceof ServerRefused && neverTaken.has(error.status)) return 'refused'
        throw error
      }
    },
    async register(server, resource) {
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(resource),
      }
      try {
        const response = await call(`${server}/${service}/resources`, init, 'application/json', soon())
        return { kind: 'registered', resource: parseRegistered(parseJson(await response.text())) }
      } catch (error) {
        if (error instanceof ServerRefused && neverRegistered.has(error.status))
          return { kind: 'refused', why: error.message }
        throw error
      }
    },
    async stream(server, after, within) {
      const headers = { 'last-event-id': String(after) }
      const response = await call(`${server}/${service}/bundle`, { headers }, 'text/event-stream', within)
      const type = response.headers.get('content-type') ?? ''
      if (response.body === null || !type.startsWith('text/event-stream'))
        throw new ServerRefused(`${server}/${service}/bundle as an event stream`, response)
      return response.body
    },
  }
}

/** The code and the detail of a problem (RFC 9457), cut. */
function wordsOf(body: string): string {
  const [, code] = /"code":\s*"(\w{1,64})"/.exec(body) ?? []
  const [, detail] = /"detail":\s*"([^"\\]{1,300})"/.exec(body) ?? []
  return [code, detail].flatMap((one) => (one === undefined ? [] : [`: ${one}`])).join('')
}
