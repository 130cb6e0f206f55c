import type { IncomingMessage } from 'node:http'
import type { GuardRequest } from '../../sdk/index.ts'
import { type Asking, tellingHeaders } from './gateways.ts'

/** Where a gateway asks. What stands below it is a client's path, where the gateway asks in that way. */
export const forwardAuthPath = '/forward-auth'

/** A request that cannot be taken as one client's: nothing of it is decided. */
export interface Unclear {
  readonly detail: string
}

/** The gateway's own words about itself, which must not be a client's. */
const gatewayKeyHeader = 'x-latchkey-guard'

/** So much of a name that a client has made up is told: the answer, too, must fit into what a gateway takes. */
const shownMax = 80

/** A header's value; all of them where it was sent more than once. */
type Sent = string | string[] | undefined

/** What of a gateway's request is read, each header as often as it was sent. */
class Read {
  method: Sent
  uri: Sent
  authorization: Sent
  dpop: Sent
  forwardedFor: Sent
  origin = false
  preflightMethod = false
  /** A header that somebody else than this gateway has set. */
  foreign: string | undefined
}

/**
 * What the client asked of the gateway, as it was sent. Only the one pair of headers counts that the configuration
 * names: a client can send the others, and whoever read those would decide another request than the one that goes on.
 */
export function askedRequest(message: IncomingMessage, asking: Asking): GuardRequest | Unclear {
  const read = readHeaders(message, asking)
  if (read.foreign !== undefined)
    return {
      detail: `The request has the header ${read.foreign.slice(0, shownMax)}, which only a gateway may set.`,
    }
  const asked = asking.kind === 'own' ? ownTarget(message) : namedTarget(read, asking)
  if ('detail' in asked) return asked
  return {
    ...asked,
    authorization: read.authorization,
    dpop: read.dpop,
    // The socket's other end is the gateway: where that does not say who called, nobody knows.
    address: undefined,
    forwardedFor: read.forwardedFor,
    corsHeaders: read.origin && read.preflightMethod,
    // Here the guard will be told that there is no body at hand, and that it cannot filter what the API answers.
  }
}

function ownTarget({ method = '', url = '' }: IncomingMessage): Pick<GuardRequest, 'method' | 'url'> {
  return { method, url: url.slice(forwardAuthPath.length) }
}

function namedTarget(
  { method, uri: url }: Read,
  asking: Extract<Asking, { kind: 'headers' }>,
): Pick<GuardRequest, 'method' | 'url'> | Unclear {
  if (typeof method !== 'string' || typeof url !== 'string')
    return { detail: `The gateway must send ${asking.method} and ${asking.uri}, once each.` }
  return { method, url }
}

function readHeaders({ rawHeaders }: IncomingMessage, asking: Asking): Read {
  const read = new Read()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (mayConcern(name)) readHeader(read, name.toLowerCase(), rawHeaders[i + 1] ?? '', asking)
  }
  return read
}

/** By its first letter, without case: all that is read, or is foreign, begins with one of four. */
function mayConcern(name: string): boolean {
  const first = name.charCodeAt(0) | 0x20
  return first === letterX || first === letterA || first === letterD || first === letterO
}

const [letterA, letterD, letterO, letterX] = [0x61, 0x64, 0x6f, 0x78]

function readHeader(read: Read, name: string, value: string, asking: Asking): void {
  if (asking.kind === 'headers' && name === asking.method) read.method = and(read.method, value)
  else if (asking.kind === 'headers' && name === asking.uri) read.uri = and(read.uri, value)
  else if (name === 'authorization') read.authorization = and(read.authorization, value)
  else if (name === 'dpop') read.dpop = and(read.dpop, value)
  else if (name === 'x-forwarded-for') read.forwardedFor = and(read.forwardedFor, value)
  else if (name === 'origin') read.origin = true
  else if (name === 'access-control-request-method') read.preflightMethod = true
  else if (isForeign(name)) read.foreign ??= name
}

function and(before: Sent, value: string): Sent {
  if (before === undefined) return value
  if (typeof before === 'string') return [before, value]
  before.push(value)
  return before
}

/** Servers that take headers for variables (RFC 3875 §4.1.18) read `X_Latchkey_Subject` as `X-Latchkey-Subject`. */
function isForeign(name: string): boolean {
  if (name.charCodeAt(0) !== 0x78) return false
  const plain = name.replaceAll('_', '-')
  return (plain.startsWith('x-latchkey-') && name !== gatewayKeyHeader) || tellingHeaders.has(plain)
}
