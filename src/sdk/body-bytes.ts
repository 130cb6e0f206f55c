import type { BodyAtHand } from '../evaluator/request/json-body.ts'
import { isReadableJson } from '../evaluator/request/media-type.ts'
import type { BodyLimits, BodyNotRead } from './request-body.ts'

/** @param status of the answer; RFC 9110 §15 */
export function notRead(detail: string, status = 403): BodyNotRead {
  return { kind: 'not_read', status, detail }
}

/** Whether the headers say that it is no use to read the body. */
export function unreadableHeader(mediaType: string | undefined, encoding: string): BodyNotRead | undefined {
  // A compressed body may unfold to any size, and who unpacks it later may do so otherwise.
  if (!['', 'identity'].includes(encoding.trim().toLowerCase()))
    return notRead('The body is compressed (Content-Encoding), and must not be here.')
  if (mediaType === undefined || isReadableJson(mediaType)) return undefined
  return notRead('The body must be JSON in UTF-8, and no JSON Patch (Content-Type).')
}

export function bodyOfBytes(bytes: Uint8Array, mediaType: string | undefined): BodyAtHand | BodyNotRead {
  try {
    // RFC 8259 §8.1: no byte order mark may be added; some readers refuse it, and here nobody passes over it.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return { kind: 'text', mediaType, text }
  } catch (cause) {
    if (cause instanceof TypeError) return notRead('The body is not in UTF-8.')
    throw cause
  }
}

/** What became of reading a body to its end. */
export type Reading =
  | { readonly kind: 'whole'; readonly bytes: Uint8Array }
  | { readonly kind: 'too_long' | 'too_slow' | 'broken_off' | 'of_unknown_length' }

export function bodyOfReading(
  reading: Reading,
  mediaType: string | undefined,
  { bytesMax, secondsMax }: BodyLimits,
): BodyAtHand | BodyNotRead {
  switch (reading.kind) {
    case 'whole':
      return bodyOfBytes(reading.bytes, mediaType)
    case 'too_long':
      return notRead(`The body is longer than ${bytesMax} bytes, which is all that is looked at here.`, 413)
    case 'too_slow':
      return notRead(`The body took longer than ${secondsMax} seconds to arrive.`, 408)
    case 'of_unknown_length':
      return notRead('The length of the body must be told (Content-Length).', 411)
    case 'broken_off':
      return notRead('The body was broken off.', 400)
    default:
      throw new Error(`unknown outcome: ${reading satisfies never}`)
  }
}
