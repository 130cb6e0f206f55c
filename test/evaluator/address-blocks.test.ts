import { BlockList, isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressMatcher, parseAddressBlock } from '../../src/evaluator/address-blocks.ts'

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
    const address = fc.oneof(fc.ipV4(), fc.ipV6())
    fc.assert(
      fc.property(address, address, fc.nat(128), (base, other, bits) => {
        const family = (text: string) => (isIP(text) === 4 ? 'ipv4' : 'ipv6')
        expect(parseAddressBlock(base)).toBeDefined()
        const length = Math.min(bits, family(base) === 'ipv4' ? 32 : 128)
        const block = parseAddressBlock(`${base}/${length}`)
        fc.pre(block !== undefined && block.family === (family(base) === 'ipv4' ? 4 : 6))
        const list = new BlockList()
        list.addSubnet(base, length, family(base))
        const sameFamily = family(base) === family(other)
        expect(addressMatcher([`${base}/${length}`])(other)).toBe(
          sameFamily && list.check(other, family(other)),
        )
      }),
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
