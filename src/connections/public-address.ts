import { addressMatcher } from '../evaluator/address-blocks.ts'

/** Where a public address can be at all: everything in IPv4, and the global unicast of IPv6 (RFC 4291 §2.4). */
const within = addressMatcher(['0.0.0.0/0', '2000::/3'])

/** What the IANA special-purpose registries (RFC 6890) keep from there: this host, private, link-local, and the like. */
const special = addressMatcher([
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24'],
  ...['192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4'],
  // Teredo and 6to4 carry an IPv4 address inside.
  ...['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20'],
])

/** Whether an address is one of the public network. What cannot be read as an address is none. */
export function isPublicAddress(address: string): boolean {
  return within(address) && !special(address)
}
