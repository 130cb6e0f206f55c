import { isIP } from 'node:net'
import { trustedAddress } from '../sdk/client-address.ts'

/**
 * The client's address: the entry of `X-Forwarded-For` that the outermost trusted proxy wrote, counted from the right.
 * What stands left of it was sent by the caller and proves nothing. With no trusted proxy, a header that is too short or
 * an entry that is no address: the socket's own.
 * @param trustedProxies how many proxies of ours stand in front, each adding one entry
 */
export function clientAddress(
  forwardedFor: string | readonly string[] | undefined,
  socketAddress: string | undefined,
  trustedProxies: number,
): string {
  const named = plain(trustedAddress(forwardedFor, socketAddress, trustedProxies) ?? '')
  return isIP(named) === 0 ? plain(socketAddress ?? '') : named
}

/** `::ffff:192.0.2.1` is how a socket for both families shows a v4 address. */
function plain(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  return mapped ?? address.toLowerCase()
}
