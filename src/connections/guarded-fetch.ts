import { lookup as lookUp } from 'node:dns/promises'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { getCACertificates } from 'node:tls'
import { isPublicAddress } from './public-address.ts'

type Addresses = readonly { readonly address: string; readonly family: number }[]

/** All addresses of a host, as `node:dns/promises` gives them. */
type LookUpAddresses = (host: string) => Promise<Addresses>

export interface OutgoingOptions {
  /** Hosts, with a port or for all of theirs, that may have any address: `idp.internal`, `idp.internal:8443`. */
  readonly hosts?: readonly string[]
  /** Certificates in PEM that are trusted beside the usual ones. */
  readonly certificates?: string | undefined
  /** Opens every address, and `http:`. */
  readonly allowPrivateAddressesInDevelopment?: boolean
  /** For the whole of a request: looking up, connecting, redirects and the body. */
  readonly timeMsMax?: number
  /** Of a body. */
  readonly bytesMax?: number
  readonly lookUp?: LookUpAddresses
}

/** Why an outgoing request was not made, or its answer not taken. `message` says it to whoever gave the address. */
export class OutgoingRefused extends Error {
  readonly fix: string

  constructor(message: string, fix: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'OutgoingRefused'
    this.fix = fix
  }
}

const timeMsDefault = 5_000
const bytesDefault = 512 * 1024
const redirectsMax = 3

/**
 * A `fetch` for addresses that customers give us. It reaches the public network alone: a host that has, or looks up to,
 * any other address is refused, at each redirect again, and connected to is only what was looked up. Answers are read
 * to their end, within a size and a time.
 * Rejects with `OutgoingRefused`.
 */
export function guardedFetch(options: OutgoingOptions = {}): typeof fetch {
  return async (input, init) => {
    const asked = new Request(input, init)
    const body = asked.body === null ? undefined : Buffer.from(await asked.arrayBuffer())
    const signal = AbortSignal.any([asked.signal, AbortSignal.timeout(options.timeMsMax ?? timeMsDefault)])
    let url = new URL(asked.url)
    for (let redirects = 0; ; redirects++) {
      const response = await once(options, url, asked, body, signal)
      const next = redirectOf(response, url)
      if (next === undefined || asked.redirect === 'manual') return response
      if (asked.redirect === 'error' || redirects === redirectsMax || body !== undefined)
        throw new OutgoingRefused(
          `${url.host} redirects to another address`,
          'give the address that it redirects to',
        )
      // RFC 9110 §15.4: what was meant for one host is not for another.
      if (next.origin !== url.origin) asked.headers.delete('authorization')
      url = next
    }
  }
}

function redirectOf({ status, headers }: Response, from: URL): URL | undefined {
  const location = headers.get('location')
  const isRedirect = status >= 300 && status < 400 && location !== null
  return isRedirect && URL.canParse(location, from.href) ? new URL(location, from) : undefined
}

async function once(
  options: OutgoingOptions,
  url: URL,
  asked: Request,
  body: Buffer | undefined,
  signal: AbortSignal,
): Promise<Response> {
  checkForm(options, url)
  try {
    const addresses = await unlessAborted(signal, addressesOf(options, url))
    const message = send(options, { url, addresses, asked, body, signal })
    return await read(await message, url, options.bytesMax ?? bytesDefault)
  } catch (cause) {
    throw cause instanceof OutgoingRefused ? cause : notReached(url, signal, cause)
  }
}

interface Sending {
  readonly url: URL
  readonly addresses: Addresses
  readonly asked: Request
  readonly body: Buffer | undefined
  readonly signal: AbortSignal
}

function send(
  options: OutgoingOptions,
  { url, addresses, asked, body, signal }: Sending,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const headers = {
    ...Object.fromEntries(asked.headers),
    // Nothing small becomes large, and no connection stays for later.
    ...{ 'accept-encoding': 'identity', 'user-agent': 'Latchkey', connection: 'close' },
    ...(body === undefined ? {} : { 'content-length': body.length }),
  }
  const { method } = asked
  const lookup = pinnedTo(addresses)
  const make = url.protocol === 'https:' ? requestHttps : requestHttp
  const request = make(url, { method, headers, signal, lookup, agent: false, ca: trusted(options) }, resolve)
  request.on('error', reject)
  request.end(body)
  return promise
}

function notReached(url: URL, signal: AbortSignal, cause: unknown): OutgoingRefused {
  if (signal.aborted)
    return new OutgoingRefused(
      `${url.host} did not answer in time`,
      'check that it answers, and how fast',
      cause,
    )
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
  return new OutgoingRefused(
    `${url.host} could not be reached${code}`,
    'check the address and its certificate; the operator adds a certificate authority with LATCHKEY_OUTGOING_CA',
    cause,
  )
}

function checkForm({ allowPrivateAddressesInDevelopment: isOpen = false }: OutgoingOptions, url: URL): void {
  if (url.username !== '' || url.password !== '')
    throw new OutgoingRefused('the address has a user name in it', 'leave it out')
  if (url.protocol === 'https:' || (isOpen && url.protocol === 'http:')) return
  throw new OutgoingRefused(`the address begins with ${url.protocol}`, 'give one that begins with https:')
}

/** @throws {OutgoingRefused} the same for a name without an address as for one with a private address */
async function addressesOf(options: OutgoingOptions, url: URL): Promise<Addresses> {
  // WHATWG URL: 0x7f.1, 2130706433 and 0177.0.0.1 have become 127.0.0.1 by now.
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const family = isIP(host)
  const find = options.lookUp ?? ((name: string) => lookUp(name, { all: true }))
  const found = family === 0 ? await find(host).catch(() => []) : [{ address: host, family }]
  const isOpen = options.allowPrivateAddressesInDevelopment === true || isNamed(options, url)
  if (found.length > 0 && (isOpen || found.every(({ address }) => isPublicAddress(address)))) return found
  throw new OutgoingRefused(
    `${url.hostname} is not reachable on the public network`,
    'check the name; the operator lets a private host through with LATCHKEY_OUTGOING_HOSTS',
  )
}

function isNamed({ hosts = [] }: OutgoingOptions, url: URL): boolean {
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
  return hosts.some((one) => one === url.hostname || one === `${url.hostname}:${port}`)
}

/** A host is looked up once: a second look-up could answer something else (DNS rebinding). */
function pinnedTo(addresses: Addresses): LookupFunction {
  return (_host, { all }, callback) => {
    const [first] = addresses
    if (all === true) callback(null, [...addresses])
    else callback(null, first?.address ?? '', first?.family ?? 4)
  }
}

function trusted({ certificates }: OutgoingOptions): string[] | undefined {
  return certificates === undefined ? undefined : [...getCACertificates('default'), certificates]
}

function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason)
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return Promise.race([work, promise])
}

async function read(message: IncomingMessage, url: URL, bytesMax: number): Promise<Response> {
  const { statusCode: status = 0, headersDistinct } = message
  const encoding = message.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity')
    throw new OutgoingRefused(`${url.host} answers in ${encoding}, unasked`, 'let it answer as it is asked')
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of message) {
    bytes += chunk.length
    if (bytes > bytesMax)
      throw new OutgoingRefused(
        `${url.host} answers with more than ${bytesMax} bytes`,
        'check that it is the right address',
      )
    chunks.push(chunk)
  }
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(headersDistinct))
    for (const value of values) headers.append(name, value)
  const hasNoBody = [204, 205, 304].includes(status)
  return new Response(hasNoBody ? null : Buffer.concat(chunks), { status, headers })
}
