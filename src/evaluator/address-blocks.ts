/** A range of addresses: all whose first `prefixLength` bits are those of `bytes`. */
export interface AddressBlock {
  readonly family: 4 | 6
  /** 4 or 16 bytes, in network order. */
  readonly bytes: readonly number[]
  readonly prefixLength: number
}

/**
 * Reads `10.0.0.0/8`, `2001:db8::/32` or one address. A block of IPv4-mapped addresses (RFC 4291 §2.5.5.2) is read as
 * the IPv4 block. `undefined` for anything else: zones, leading zeros in IPv4, bits set after the prefix.
 */
export function parseAddressBlock(text: string): AddressBlock | undefined {
  const [addressText = '', lengthText, ...rest] = text.split('/')
  const address = parseAddress(addressText)
  if (address === undefined || rest.length > 0) return undefined
  const bits = address.length * 8
  if (lengthText !== undefined && !/^(0|[1-9]\d{0,2})$/.test(lengthText)) return undefined
  const prefixLength = lengthText === undefined ? bits : Number(lengthText)
  if (prefixLength > bits || !isZeroAfter(address, prefixLength)) return undefined
  if (isMapped(address) && prefixLength >= 96)
    return { family: 4, bytes: address.slice(12), prefixLength: prefixLength - 96 }
  return { family: address.length === 4 ? 4 : 6, bytes: address, prefixLength }
}

/**
 * Whether an address is within one of the blocks; every address is, if there are none. An address that cannot be read
 * is within none, a block that cannot be read has no address in it. IPv4-mapped IPv6 addresses are IPv4 addresses.
 */
export function addressMatcher(blocks: readonly string[]): (address: string | undefined) => boolean {
  if (blocks.length === 0) return () => true
  const parsed = blocks.flatMap((text) => parseAddressBlock(text) ?? [])
  return (address) => {
    // Exactly one address: a text with a prefix length is not an address.
    const one = address === undefined || address.includes('/') ? undefined : parseAddressBlock(address)
    return (
      one !== undefined && parsed.some((block) => block.family === one.family && covers(block, one.bytes))
    )
  }
}

function covers(block: AddressBlock, address: readonly number[]): boolean {
  const whole = block.prefixLength >> 3
  for (let i = 0; i < whole; i++) if (block.bytes[i] !== address[i]) return false
  const left = block.prefixLength & 7
  if (left === 0) return true
  const mask = (0xff << (8 - left)) & 0xff
  return ((block.bytes[whole] ?? 0) & mask) === ((address[whole] ?? 0) & mask)
}

function isZeroAfter(address: readonly number[], prefixLength: number): boolean {
  return address.every((byte, i) => {
    const kept = Math.min(8, Math.max(0, prefixLength - i * 8))
    return (byte & (0xff >> kept)) === 0
  })
}

function isMapped(address: readonly number[]): boolean {
  return (
    address.length === 16 &&
    address.slice(0, 10).every((byte) => byte === 0) &&
    address[10] === 255 &&
    address[11] === 255
  )
}

function parseAddress(text: string): readonly number[] | undefined {
  return text.includes(':') ? parseV6(text) : parseV4(text)
}

/** Four decimal numbers; no leading zeros, which some read as octal. */
function parseV4(text: string): readonly number[] | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined
  const bytes = parts.map(Number)
  return bytes.every((byte) => byte <= 255) ? bytes : undefined
}

/** RFC 4291 §2.2: eight groups, `::` once for one or more groups of zero, an IPv4 address in the place of the last two. */
function parseV6(text: string): readonly number[] | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map((half, i) => parseGroups(half, i === halves.length - 1))
  if (head === undefined) return undefined
  if (halves.length === 1) return head.length === 16 ? head : undefined
  if (tail === undefined || head.length + tail.length > 14) return undefined
  return [...head, ...new Array<number>(16 - head.length - tail.length).fill(0), ...tail]
}

function parseGroups(text: string, mayEndInV4: boolean): readonly number[] | undefined {
  if (text === '') return []
  const groups = text.split(':')
  const bytes: number[] = []
  for (const [i, group] of groups.entries()) {
    const parsed =
      mayEndInV4 && i === groups.length - 1 && group.includes('.') ? parseV4(group) : parseGroup(group)
    if (parsed === undefined) return undefined
    bytes.push(...parsed)
  }
  return bytes
}

function parseGroup(text: string): readonly number[] | undefined {
  if (!/^[0-9a-fA-F]{1,4}$/.test(text)) return undefined
  const value = Number.parseInt(text, 16)
  return [value >> 8, value & 255]
}
