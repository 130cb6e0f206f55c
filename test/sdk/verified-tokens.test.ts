import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { compileBundle } from '../../src/sdk/compiled-bundle.ts'
import { VerifiedTokens } from '../../src/sdk/verified-tokens.ts'
import { tokenVerifier } from '../../src/sdk/verify-token.ts'
import { clinicBundle, makeIssuer, nowMs } from './clinic-issuer.ts'

const issuer = await makeIssuer()
const bundle = compileBundle(clinicBundle(issuer))
const clock = () => nowMs
const verify = tokenVerifier({ algorithms: ['ES256'], clockSkewSecondsMax: 30, acceptTestKeys: false }, clock)
const verified = async (tokens: VerifiedTokens, claims: Record<string, unknown> = {}) => {
  const token = await issuer.sign(claims)
  tokens.add(token, bundle, await verify(token, bundle))
  return token
}

describe('a token that was verified before', () => {
  test('is known again, and none that differs from it in one character', async () => {
    const tokens = new VerifiedTokens(clock, 10, 30)
    const token = await verified(tokens)
    for (let i = 0; i < token.length; i++) {
      const other = token.slice(0, i) + (token[i] === 'A' ? 'B' : 'A') + token.slice(i + 1)
      expect(tokens.get(other, bundle)).toBeUndefined()
    }
    expect(tokens.get(token, bundle)?.caller.id).toBe('key_1')
    for (const other of [`${token}A`, ` ${token}`, token.slice(1), token.slice(-12), ''])
      expect(tokens.get(other, bundle)).toBeUndefined()
  })

  test('is told from others, however many come in turns', async () => {
    const tokens = new VerifiedTokens(clock, 10, 30)
    const [one, other] = [await verified(tokens), await verified(tokens, { jti: 'another' })]
    for (let i = 0; i < 3; i++) {
      expect(tokens.get(other, bundle)?.caller.tokenId).toBe('another')
      expect(tokens.get(one, bundle)?.caller.tokenId).not.toBe('another')
    }
  })

  test('is not in memory once its request is answered, and is known all the same', async () => {
    const run = promisify(execFile)
    const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'tokens-in-heap.ts')])
    expect(JSON.parse(stdout)).toEqual({ underWay: true, answered: false, knownAgain: true })
  })
})
