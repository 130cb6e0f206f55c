import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import { Secret } from '../../src/secrets/secret.ts'

const random = (count: number) => randomBytes(count)
const raw = () => randomBytes(32).toString('base64url')

describe('the secrets of the deployment', () => {
  test('open what they sealed, for the label and the id that it was sealed for', () => {
    const secrets = deploymentSecrets([raw()], random)
    fc.assert(
      fc.property(fc.uint8Array(), fc.string(), (plain, boundTo) => {
        const sealed = secrets.seal('client-secrets', boundTo, plain)
        expect(secrets.open('client-secrets', boundTo, sealed)).toEqual(Buffer.from(plain))
        expect(() => secrets.open('signing-keys', boundTo, sealed)).toThrow('does not open')
        expect(() => secrets.open('client-secrets', `${boundTo}x`, sealed)).toThrow('does not open')
      }),
    )
  })

  test('refuse a sealed value of which one character was changed', () => {
    const secrets = deploymentSecrets([raw()], random)
    const sealed = secrets.seal('signing-keys', 'sgn_1', 'a private key of some length')
    // The last character of a base64url text may carry bits that decode to nothing.
    fc.assert(
      fc.property(fc.nat(sealed.length - 2), fc.constantFrom('A', 'b', '7', '$'), (at, character) => {
        fc.pre(sealed[at] !== character)
        const changed = sealed.slice(0, at) + character + sealed.slice(at + 1)
        expect(() => secrets.open('signing-keys', 'sgn_1', changed)).toThrow()
      }),
    )
  })

  test('never seal the same text to the same value', () => {
    const secrets = deploymentSecrets([raw()], random)
    expect(secrets.seal('cookies', 'a', 'x')).not.toBe(secrets.seal('cookies', 'a', 'x'))
  })

  test('seal with the newest and open with any, so that a secret can be rotated', () => {
    const [older, newer] = [raw(), raw()]
    const before = deploymentSecrets([older], random)
    const after = deploymentSecrets([newer, older], random)
    const sealed = before.seal('client-secrets', 'key_1', 'hash')
    expect(after.open('client-secrets', 'key_1', sealed).toString()).toBe('hash')
    expect(sealed.split('$')[1]).toBe(after.ids[1])
    expect(after.seal('client-secrets', 'key_1', 'hash').split('$')[1]).toBe(after.ids[0])
    expect(after.digests('artifact-ids', 'x')).toEqual([
      after.digest('artifact-ids', 'x'),
      before.digest('artifact-ids', 'x'),
    ])
  })

  test('say which secret is missing, when one is', () => {
    const gone = deploymentSecrets([raw()], random)
    const sealed = gone.seal('client-secrets', 'key_1', 'hash')
    const others = deploymentSecrets([raw()], random)
    expect(() => others.open('client-secrets', 'key_1', sealed)).toThrow(gone.ids[0])
  })

  test('digest differently for each label', () => {
    const secrets = deploymentSecrets([raw()], random)
    expect(secrets.digest('cookies', 'x')).not.toBe(secrets.digest('artifact-ids', 'x'))
  })

  test.each([
    ['none', [], 'none is given'],
    ['one too short', [raw(), 'short-but-not-so-simple'], 'secret 2: shorter than 43'],
    ['one that is not random', ['a'.repeat(64)], 'secret 1: has too few different'],
    ['one with a space', [`${raw()} `], 'secret 1: has a space'],
    ['one twice', ((one) => [one, one])(raw()), 'given twice'],
  ])('refuse %s, with what to do and without the text', (_name, given, message) => {
    const refused = () => deploymentSecrets(given, random)
    expect(refused).toThrow(message)
    expect(refused).toThrow('openssl rand -base64 32')
    for (const text of given) expect(refused).not.toThrow(text)
  })
})

test('a secret does not print', () => {
  const secret = new Secret('canary')
  const shown = [
    String(secret),
    JSON.stringify({ secret }),
    inspect({ secret }),
    `${secret}`,
    inspect(secret),
  ]
  expect(shown.join()).not.toContain('canary')
  expect(secret.reveal()).toBe('canary')
})
