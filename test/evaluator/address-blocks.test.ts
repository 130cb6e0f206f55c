import { BlockList } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressMatcher, parseAddressBlock } from '../../src/evaluator/address-blocks.ts'

/** An address from its number, each group written out. */
function addressOf(value: bigint, bits: number): string {
  const width = bits === 32 ? 8n : 16n
  const parts = Array.from({ length: Number(BigInt(bits) / width) }, (_, i) =>
    Number(BigInt.asUintN(Number(width), value >> (BigInt(bits) - width * BigInt(i + 1)))),
  )
  return bits === 32 ? parts.join('.') : parts.map((part) => part.toString(16)).join(':')
}

describe('an address restriction', () => {
  test.each([
    ['10.0.0.0/8', '10.255.1.2', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['192.0.2.128/25', '192.0.2.128', true],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['2001:DB8::/33', '2001:db8:8000::', false],
    ['::/0', '2001:db9::1', true],
    ['::/0', '10.0.0.1', false],
    ['0.0.0.0/0', '10.0.0.1', true],
    ['0.0.0.0/0', '::1', false],
    ['10.0.0.0/8', '10.0.0.1/32', false],
    ['10.0.0.0/8', '010.0.0.1', false],
    ['10.0.0.0/8', '', false],
  ])('%s and %s: %s', (block, address, within) => {
    expect(addressMatcher([block])(address)).toBe(within)
  })

  test('of no blocks lets any address in, even an unknown one; of some blocks never an unknown one', () => {
    expect(addressMatcher([])(undefined)).toBe(true)
    expect(addressMatcher(['0.0.0.0/0', '::/0'])(undefined)).toBe(false)
  })

  test('whose only block cannot be read lets nobody in', () => {
    expect(addressMatcher(['everywhere'])('10.0.0.1')).toBe(false)
  })

  test.each([
    '10.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '256.0.0.0/8',
    '01.0.0.0/8',
    '2001:db8::1/32',
    '2001:db8::/129',
    'fe80::1%eth0',
    '1::2::3',
    ':::',
    ':1',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8::',
    '1.2.3.4::',
    '12345::',
    '',
    '/',
    ' 10.0.0.0/8',
    '\u0000',
  ])('%j is not a block', (text) => {
    expect(parseAddressBlock(text)).toBeUndefined()
  })

  test("reads addresses as Node's own parser does, and matches as its block list does", () => {
    const families = fc.constantFrom(
      { name: 'ipv4', bits: 32 } as const,
      { name: 'ipv6', bits: 128 } as const,
    )
    fc.assert(
      fc.property(
        families,
        fc.bigInt(0n, 2n ** 128n - 1n),
        fc.nat(128),
        fc.nat(127),
        (family, chance, m, n) => {
          const { name, bits } = family
          const [length, flipped] = [m % (bits + 1), n % bits]
          const host = BigInt(bits - length)
          const address = BigInt.asUintN(bits, chance)
          const base = (address >> host) << host
          // One bit away from the block, or within it.
          const near = address ^ (1n << BigInt(flipped))
          const block = `${addressOf(base, bits)}/${length}`
          const list = new BlockList()
          list.addSubnet(addressOf(base, bits), length, name)
          expect(parseAddressBlock(block)).toMatchObject({ prefixLength: length })
          for (const one of [address, near].map((value) => addressOf(value, bits)))
            expect(addressMatcher([block])(one)).toBe(list.check(one, name))
          expect(addressMatcher([block])(addressOf(address, bits === 32 ? 128 : 32))).toBe(false)
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('is read the same however an address is spelled', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1)
        expect(parseAddressBlock(text)).toEqual(parseAddressBlock(canonical))
      }),
    )
  })

  test('never throws, whatever the text', () => {
    fc.assert(fc.property(fc.string(), (text) => void addressMatcher([text])(text)))
  })
})
