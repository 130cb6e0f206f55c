import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createGuard, type Guard } from '../../src/sdk/index.ts'

/** A client key as its owner has it. */
export interface Key {
  readonly id: string
  readonly secret: string
}

/** An answer, read to its end. */
export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body, if it is a JSON object; else empty. */
  readonly json: Readonly<Record<string, unknown>>
}

export interface Call {
  readonly token?: string | undefined
  /** Text is sent as it is, anything else as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const answerTimeMsMax = 20_000

/** Sends a request to a server, and reads the answer to its end. */
export async function send(
  address: string,
  method: string,
  path: string,
  { token, body, headers = {} }: Call = {},
): Promise<Reply> {
  const isJson = body !== undefined && typeof body !== 'string'
  const answer = await fetch(address + path, {
    method,
    redirect: 'manual',
    signal: AbortSignal.timeout(answerTimeMsMax),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(isJson ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isJson ? JSON.stringify(body) : String(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, text, json: objectIn(text) }
}

/** The same with the path exactly as it is written: `fetch` takes dot segments out of it. */
export function sendAsWritten(
  address: string,
  method: string,
  path: string,
  { token, body = '', headers = {} }: Call & { readonly body?: string } = {},
): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const { hostname, port } = new URL(address)
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const length = body === '' ? {} : { 'content-length': Buffer.byteLength(body) }
  const asked = request(
    { hostname, port, method, path, headers: { ...authorization, ...length, ...headers } },
    (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk) => {
        text += String(chunk)
      })
      const pairs = Object.entries(answer.headersDistinct).map(([name, values = []]): [string, string] => [
        name,
        values.join(', '),
      ])
      const done = () =>
        resolve({ status: answer.statusCode ?? 0, headers: new Headers(pairs), text, json: objectIn(text) })
      answer.on('end', done)
      answer.on('error', done)
    },
  )
  asked.setTimeout(answerTimeMsMax, () => asked.destroy(new Error(`no answer to ${method} ${path}`)))
  asked.on('error', reject)
  asked.end(body)
  return promise
}

export function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    // An answer without JSON has no members.
    return {}
  }
}

/** Asks the token endpoint of a service (RFC 6749 §4.4). */
export function askToken(
  address: string,
  key: Key,
  service = 'latchkey',
  more: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const basic = Buffer.from(`${key.id}:${key.secret}`).toString('base64')
  return send(address, 'POST', `/${service}/oauth/token`, {
    body: new URLSearchParams({ grant_type: 'client_credentials', ...more }).toString(),
    headers: { authorization: `Basic ${basic}`, 'content-type': 'application/x-www-form-urlencoded' },
  })
}

export async function tokenOf(address: string, key: Key, service = 'latchkey'): Promise<string> {
  const reply = await askToken(address, key, service)
  if (reply.status !== 200) throw new Error(`no token for ${key.id}: ${reply.status} ${reply.text}`)
  return String(reply.json['access_token'])
}

export interface NewKey {
  readonly service?: string
  readonly role: string
  readonly environment?: 'live' | 'test'
  readonly guards_service?: string
  readonly tags?: Readonly<Record<string, readonly string[]>>
}

/** What the operator does with a deployment, over its management API. */
export class Operator {
  readonly address: string
  readonly key: Key
  readonly organizationId: string
  #token: Promise<string> | undefined
  #made = 0

  constructor(address: string, key: Key, organizationId: string) {
    this.address = address
    this.key = key
    this.organizationId = organizationId
  }

  /** From the key file that a first start leaves. */
  static async at(address: string, dataFolder: string): Promise<Operator> {
    const file = objectIn(await readFile(`${dataFolder}/operator-key.json`, 'utf8'))
    const key = { id: String(file['client_id']), secret: String(file['client_secret']) }
    return new Operator(address, key, String(file['organization_id']))
  }

  /** The same operator at another node. */
  through(address: string): Operator {
    return new Operator(address, this.key, this.organizationId)
  }

  token(): Promise<string> {
    this.#token ??= tokenOf(this.address, this.key)
    return this.#token
  }

  /** Any answer. */
  async try(method: string, path: string, body?: unknown, headers = {}): Promise<Reply> {
    return send(this.address, method, `/api/v1${path}`, { token: await this.token(), body, headers })
  }

  /** Throws for what is not a success. */
  async do(method: string, path: string, body?: unknown, headers = {}): Promise<Reply> {
    const reply = await this.try(method, path, body, headers)
    if (reply.status >= 300) throw new Error(`${method} ${path} answered ${reply.status}: ${reply.text}`)
    return reply
  }

  /** Makes a service, confirming what its document changes. */
  async importDocument(slug: string, text: string): Promise<string> {
    const type = { 'content-type': text.startsWith('{') ? 'application/json' : 'application/yaml' }
    const asked = await this.try('POST', `/services?slug=${slug}`, text, type)
    const { confirmation } = asked.json
    const made =
      typeof confirmation === 'string'
        ? await this.do('POST', `/services?slug=${slug}&confirmation=${confirmation}`, text, type)
        : asked
    if (made.status !== 201) throw new Error(`the document was not imported: ${made.text}`)
    return String(made.json['id'])
  }

  async importClinic(slug = 'clinic'): Promise<string> {
    const file = new URL('../../examples/clinic/openapi.yaml', import.meta.url)
    return this.importDocument(slug, await readFile(file, 'utf8'))
  }

  async makeOrganization(name = `Practice ${++this.#made}`): Promise<string> {
    return String((await this.do('POST', '/organizations', { name })).json['id'])
  }

  async makeKey(organizationId: string, { service = 'clinic', ...more }: NewKey): Promise<Key> {
    const body = { service, name: `Key ${++this.#made}`, ...more }
    const { json } = await this.do('POST', `/organizations/${organizationId}/keys`, body)
    return { id: String(json['id']), secret: String(json['client_secret']) }
  }

  async makeUser(organizationId: string, more: object = {}): Promise<string> {
    const body = { email: `person-${++this.#made}@harbour.example`, ...more }
    return String((await this.do('POST', `/organizations/${organizationId}/users`, body)).json['id'])
  }

  async makeRole(organizationId: string, operations: readonly string[], service = 'clinic'): Promise<string> {
    const body = { service, name: `Role ${++this.#made}`, allow: [{ operations }] }
    return String((await this.do('POST', `/organizations/${organizationId}/roles`, body)).json['id'])
  }

  async makeGuardKey(service = 'clinic'): Promise<Key> {
    return this.makeKey(this.organizationId, { service: 'latchkey', role: 'guard', guards_service: service })
  }

  /** A guard that follows the node at `address`. */
  async guard(key: Key, service = 'clinic', address = this.address): Promise<Guard> {
    const guard = createGuard({ latchkey: address, service, key: key.secret })
    await guard.ready()
    return guard
  }
}
