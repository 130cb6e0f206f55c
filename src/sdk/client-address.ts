/**
 * The client's address: the entry of `X-Forwarded-For` that the outermost trusted proxy wrote, counted from the right.
 * What stands left of it was sent by the caller and proves nothing.
 * @param trustedProxies how many proxies of one's own stand in front, each adding one entry
 */
export function trustedAddress(
  forwardedFor: string | readonly string[] | undefined,
  socketAddress: string | undefined,
  trustedProxies: number,
): string | undefined {
  if (trustedProxies < 1 || forwardedFor === undefined) return socketAddress
  const entries = typeof forwardedFor === 'string' ? forwardedFor : forwardedFor.join(',')
  // Fewer entries than proxies: somebody came past them, and only the socket says who.
  const named = entryFromTheRight(entries, trustedProxies)?.trim()
  return named === undefined || named === '' ? socketAddress : withoutPort(named)
}

/** What stands further left is not looked at, however long a caller has made it. */
function entryFromTheRight(entries: string, place: number): string | undefined {
  let end = entries.length
  for (let left = place - 1; left > 0; left--) {
    end = entries.lastIndexOf(',', end - 1)
    if (end < 0) return undefined
    if (end === 0) return left === 1 ? '' : undefined
  }
  return entries.slice(entries.lastIndexOf(',', end - 1) + 1, end)
}

/** Some proxies add the port: `192.0.2.1:443`, `[2001:db8::1]:443`. */
function withoutPort(entry: string): string {
  if (!entry.includes(':') && !entry.startsWith('[')) return entry
  return /^\[([^\]]+)\](?::\d+)?$/.exec(entry)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(entry)?.[1] ?? entry
}
