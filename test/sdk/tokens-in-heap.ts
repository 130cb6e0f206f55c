// Whether a heap snapshot has a token in it that was verified: while its request is under way, and after it was answered;
// and whether it is known again then. Writes { "underWay": …, "answered": …, "knownAgain": … }
import { getHeapSnapshot } from 'node:v8'
import { compileBundle } from '../../src/sdk/compiled-bundle.ts'
import { VerifiedTokens } from '../../src/sdk/verified-tokens.ts'
import { tokenVerifier } from '../../src/sdk/verify-token.ts'
import { clinicBundle, makeIssuer, nowMs } from './clinic-issuer.ts'

const clock = () => nowMs
const issuer = await makeIssuer()
const bundle = compileBundle(clinicBundle(issuer))
const rules = { algorithms: ['ES256'], clockSkewSecondsMax: 30, acceptTestKeys: false } as const
const verify = tokenVerifier(rules, clock)
const tokens = new VerifiedTokens(clock, 100, rules.clockSkewSecondsMax)
/** What requests hold while they are under way. */
const underWay: string[] = []

/** Returns the token's characters: what is looked for must not itself be in the heap. */
async function arrives(): Promise<readonly string[]> {
  const token = await issuer.sign()
  tokens.add(token, bundle, await verify(token, bundle))
  if (tokens.get(token, bundle) === undefined) throw new Error('the token is not known')
  underWay.push(token)
  return [...token]
}

async function isInHeap(characters: readonly string[]): Promise<boolean> {
  const chunks: Buffer[] = []
  for await (const chunk of getHeapSnapshot()) chunks.push(chunk)
  // The beginning of its signature: the end of it is what it is found by.
  const signature = characters.slice(characters.lastIndexOf('.') + 1)
  return Buffer.concat(chunks).includes(signature.slice(0, 40).join(''))
}

const characters = await arrives()
const before = await isInHeap(characters)
underWay.length = 0
// The engine keeps the text that a regular expression matched last, whoever asked.
'another'.search(/./)
const answered = await isInHeap(characters)
const knownAgain = tokens.get(characters.join(''), bundle) !== undefined
console.log(JSON.stringify({ underWay: before, answered, knownAgain }))
