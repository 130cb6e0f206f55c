import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Whether a request comes from the gateway. */
export type IsGateway = (message: IncomingMessage) => boolean

/** A key that can be guessed keeps nobody out. */
export const gatewayKeyLengthMin = 32

/** Compares what the gateway sends in `X-Latchkey-Guard` in constant time; without a key everybody is the gateway. */
export function gatewayKey(key: string | undefined): IsGateway {
  if (key === undefined) return () => true
  const expected = hash('sha256', key, 'buffer')
  return ({ headersDistinct }) => {
    const [given, ...others] = headersDistinct['x-latchkey-guard'] ?? []
    // By their hashes: texts of different length cannot be compared in constant time.
    return (
      given !== undefined && others.length === 0 && timingSafeEqual(hash('sha256', given, 'buffer'), expected)
    )
  }
}
