import { isIP } from 'node:net'

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
  const socket = plain(socketAddress ?? '')
  if (trustedProxies < 1 || forwardedFor === undefined) return socket
  const hops = (typeof forwardedFor === 'string' ? forwardedFor : forwardedFor.join(',')).split(',')
  const named = plain(withoutPort((hops.at(-trustedProxies) ?? '').trim()))
  return isIP(named) === 0 ? socket : named
}

/** `::ffff:192.0.2.1` is how a socket for both families shows a v4 address. */
function plain(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  return mapped ?? address.toLowerCase()
}

/** Some proxies add the port: `192.0.2.1:443`, `[2001:db8::1]:443`. */
function withoutPort(entry: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(entry)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(entry)?.[1] ?? entry
}
