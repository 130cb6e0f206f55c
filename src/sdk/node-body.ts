import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BodyAtHand } from '../evaluator/request/json-body.ts'
import { bodyOfBytes, bodyOfReading, notRead, type Reading, unreadableHeader } from './body-bytes.ts'
import { headersNamed } from './middleware.ts'
import { readAhead } from './read-ahead.ts'
import type { BodyLimits, BodyNotRead, RequestBody } from './request-body.ts'

/** What a body parser that ran before the guard has left, in the way that those of Koa and Express do. */
export interface ParsedBody {
  readonly body?: unknown
  /** The text, where it is kept beside the value. */
  readonly rawBody?: unknown
}

/** The body of a request to a Node server, read ahead only when a decision depends on it. */
export function nodeBody(
  message: IncomingMessage,
  response: ServerResponse,
  parsed: ParsedBody,
  limits: BodyLimits,
): RequestBody {
  if (hasNone(message) && isNothing(parsed.body)) return { kind: 'none' }
  return () => read(message, response, parsed, limits)
}

/** RFC 9112 §6.3: without both headers there is none. HTTP/2 (RFC 9113 §8.1) needs neither, and says so in its frames. */
function hasNone(message: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = message.headers
  if (message.httpVersionMajor > 1) return isEndedByHeaders(message)
  return encoding === undefined && Number(length ?? 0) === 0
}

function isEndedByHeaders(message: object): boolean {
  const stream = 'stream' in message ? message.stream : undefined
  return (
    typeof stream === 'object' &&
    stream !== null &&
    'endAfterHeaders' in stream &&
    stream.endAfterHeaders === true
  )
}

/** Some parsers leave `{}` where there is no body. */
function isNothing(body: unknown): boolean {
  if (body === undefined || body === null || body === '') return true
  return typeof body === 'object' && Object.keys(body).length === 0
}

async function read(
  message: IncomingMessage,
  response: ServerResponse,
  parsed: ParsedBody,
  limits: BodyLimits,
): Promise<BodyAtHand | BodyNotRead> {
  const [mediaType, ...others] = headersNamed(message, 'content-type')
  if (others.length > 0) return notRead('The request has more than one Content-Type header.')
  const ahead = aheadOf.get(message)
  const isRead = !isUntouched(message) || !isNothing(parsed.body)
  if (ahead === undefined && isRead) return leftBy(parsed, mediaType)
  const fault = unreadableHeader(mediaType, message.headers['content-encoding'] ?? '')
  if (fault !== undefined) return fault
  const reading = ahead ?? readAhead(message, response, limits)
  aheadOf.set(message, reading)
  return bodyOfReading(await reading, mediaType, limits)
}

/** A second guard on the same request must see what the first one saw. */
const aheadOf = new WeakMap<IncomingMessage, Promise<Reading>>()

function isUntouched(message: IncomingMessage): boolean {
  const { readableDidRead, readableFlowing, readableEncoding, readable } = message
  return readable && !readableDidRead && readableFlowing !== true && readableEncoding === null
}

/** What the API acts on is then this very value: a parser has read, and unpacked, the request before. */
function leftBy({ body, rawBody }: ParsedBody, mediaType: string | undefined): BodyAtHand | BodyNotRead {
  const raw = rawBody ?? (body instanceof Uint8Array ? body : undefined)
  if (typeof raw === 'string') return { kind: 'text', mediaType, text: raw }
  if (raw instanceof Uint8Array) return bodyOfBytes(raw, mediaType)
  // A text may be JSON's own or the text of JSON: nobody can tell.
  if (body === undefined || typeof body === 'string')
    return notRead('The body was read before access was decided, and is not known as JSON.')
  return { kind: 'value', mediaType, value: body }
}
