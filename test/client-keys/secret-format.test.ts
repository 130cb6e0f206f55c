import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeSecret, parseSecret } from '../../src/client-keys/secret-format.ts'
import { type ClientKeyId, newIdFrom } from '../../src/ids.ts'

const random = (count: number) => randomBytes(count)
const newId = newIdFrom(() => Date.parse('2030-01-01T12:00:00Z'), random)
const environments = fc.constantFrom('live' as const, 'test' as const)
const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 })

describe('a client secret', () => {
  test('reads back as the key and the environment that it was made for, whatever the chance', () => {
    fc.assert(
      fc.property(environments, bytes, (environment, chance) => {
        const keyId = newId('key')
        const text = makeSecret(keyId, environment, () => chance).reveal()
        expect(text).toMatch(/^lk_(live|test)_[0-9a-z]{26}_[0-9A-Za-z]{49}$/)
        expect(parseSecret(text)).toEqual({ environment, keyId })
      }),
    )
  })

  test('differs wherever its 32 random bytes differ', () => {
    const keyId = newId('key')
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        fc.pre(Buffer.compare(a, b) !== 0)
        const [one, other] = [a, b].map((chance) => makeSecret(keyId, 'live', () => chance).reveal())
        expect(one).not.toBe(other)
      }),
    )
  })

  test('is refused with any one character changed, removed or added', () => {
    const text = makeSecret(newId('key'), 'live', random).reveal()
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, character) => {
        fc.pre(text[at] !== character)
        expect(parseSecret(text.slice(0, at) + character + text.slice(at + 1))).toBeUndefined()
        expect(parseSecret(text.slice(0, at) + text.slice(at + 1))).toBeUndefined()
        expect(parseSecret(text.slice(0, at) + character + text.slice(at))).toBeUndefined()
      }),
      { numRuns: 1000 },
    )
  })

  test('is refused with two neighbours swapped', () => {
    const text = makeSecret(newId('key'), 'test', random).reveal()
    for (let at = 0; at < text.length - 1; at++) {
      const swapped = text.slice(0, at) + text[at + 1] + text[at] + text.slice(at + 2)
      if (swapped !== text) expect(parseSecret(swapped)).toBeUndefined()
    }
  })

  test.each(['', 'lk_', 'lk_live__', 'x'.repeat(84), `lk_live_${'0'.repeat(76)}`, '\u0000', '🔑'.repeat(42)])(
    'is not %j',
    (text) => expect(parseSecret(text)).toBeUndefined(),
  )

  test('is not any other text', () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => parseSecret(text) === undefined))
  })

  test('does not print', () => {
    const secret = makeSecret('key_00000000000000000000000000' as ClientKeyId, 'live', random)
    expect(JSON.stringify({ secret })).not.toContain('lk_')
  })
})
