import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Reading } from './body-bytes.ts'
import type { BodyLimits } from './request-body.ts'

/**
 * Reads a request's body, and puts it back before its end is told, so that whoever reads the request next reads it whole:
 * one that is too long or too slow, too, since what may be done may not depend on it in the end.
 * @param message nobody has begun to read it
 */
export function readAhead(
  message: IncomingMessage,
  response: ServerResponse,
  { bytesMax, secondsMax }: BodyLimits,
): Promise<Reading> {
  const length = Number(message.headers['content-length'] ?? Number.NaN)
  const tellsItsEnd = message.httpVersionMajor === 1 && typeof message.complete === 'boolean'
  if (Number.isNaN(length) && !tellsItsEnd) return Promise.resolve({ kind: 'of_unknown_length' })
  if (length > bytesMax) return Promise.resolve({ kind: 'too_long' })
  const chunks: Buffer[] = []
  let size = 0
  // Over HTTP/2 `complete` says something else, and its end is only told when nothing can be put back any more.
  const isWhole = () => size === length || (tellsItsEnd && message.complete)
  return new Promise((resolve) => {
    const settle = (outcome: Reading): void => {
      clearTimeout(timer)
      message.off('readable', take).off('error', breakOff).off('close', breakOff)
      if (outcome.kind !== 'whole') discardWhenAnswered(message, response)
      resolve(outcome)
    }
    const breakOff = () => settle({ kind: 'broken_off' })
    const take = (): void => {
      // Read no further than to the last byte: the end would be told, and then nothing can be put back.
      while (message.readableLength > 0) {
        const chunk: Buffer | null = message.read()
        if (chunk === null) break
        chunks.push(chunk)
        size += chunk.length
      }
      if (size > bytesMax) giveUp('too_long')
      else if (isWhole()) settle({ kind: 'whole', bytes: putBack(message, chunks) })
    }
    const giveUp = (kind: 'too_long' | 'too_slow'): void => {
      putBack(message, chunks)
      settle({ kind })
    }
    const timer = setTimeout(() => giveUp('too_slow'), secondsMax * 1000).unref()
    if (message.destroyed) return breakOff()
    // All of an empty body is there: to wait for more would have its end told.
    if (message.readableLength === 0 && isWhole()) return take()
    message.on('readable', take).on('error', breakOff).on('close', breakOff)
  })
}

function putBack(message: IncomingMessage, chunks: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(chunks)
  if (bytes.length > 0) message.unshift(bytes)
  return bytes
}

/** The connection can only be used again when all has been taken from it; the server does that where nobody has read. */
function discardWhenAnswered(message: IncomingMessage, response: ServerResponse): void {
  response.once('close', () => {
    if (!message.readableEnded) message.resume()
  })
}
