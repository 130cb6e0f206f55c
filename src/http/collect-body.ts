import type { IncomingMessage } from 'node:http'
import { DomainError } from '../errors.ts'
import { HttpRefusal } from './refusal.ts'

/**
 * The bytes of a body.
 * @throws {DomainError} `body_too_large` as soon as that is known, from `Content-Length` without reading;
 * `request_timeout` when it is not all there after `timeoutMs`; `invalid_request` when the connection ends before it
 */
export function collectBody(request: IncomingMessage, bytesMax: number, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > bytesMax) {
      request.resume()
      reject(tooLarge(bytesMax))
      return
    }
    const chunks: Buffer[] = []
    let size = 0
    const settle = (end: () => void): void => {
      clearTimeout(timer)
      request.off('data', onData).off('end', onEnd).off('close', onClose)
      // What is left is read and dropped, within the server's own time-out, so that the caller gets to read the answer.
      request.resume()
      end()
    }
    const onData = (chunk: Buffer): void => {
      size += chunk.length
      if (size > bytesMax) settle(() => reject(tooLarge(bytesMax)))
      else chunks.push(chunk)
    }
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks, size)))
    const onClose = (): void => settle(() => reject(brokenOff()))
    const timer = setTimeout(() => settle(() => reject(tooSlow(timeoutMs))), timeoutMs)
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose)
  })
}

export function tooLarge(bytesMax: number): DomainError {
  return new DomainError('body_too_large', `The body is larger than ${bytesMax} bytes.`, {
    fix: 'Send less at once.',
    data: { bytes_max: bytesMax },
  })
}

function tooSlow(timeoutMs: number): DomainError {
  return new HttpRefusal('request_timeout', `The body was not complete after ${timeoutMs / 1000} seconds.`, {
    fix: 'Send it faster, or in smaller parts.',
    headers: { Connection: 'close' },
  })
}

function brokenOff(): DomainError {
  return new DomainError('invalid_request', 'The body ended before its Content-Length.')
}
