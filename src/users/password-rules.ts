import type { Match, ZxcvbnFactory } from '@zxcvbn-ts/core'
import { DomainError } from '../errors.ts'

/** In code points. NIST SP 800-63B-4 §3.1.1.2: 15 where the password is the only factor. */
export const passwordLengthMin = 15
const passwordLengthMax = 256

/** In tries, as a power of ten: what the commonest words and patterns take together, and some. */
const guessesLog10Min = 9
/** The estimate takes longer with the length; what makes a password common is at its beginning. */
const estimatedLengthMax = 64
const wordLengthMin = 3

let estimator: Promise<ZxcvbnFactory> | undefined

/**
 * Refuses a password that is too short, too long, or among those tried first; nothing else is asked of it.
 * @param about what others know of the person: the address, their name, the organization's, the service's
 * @throws {DomainError} `password_refused`, saying why and what would do
 */
export async function checkNewPassword(password: string, about: readonly string[]): Promise<void> {
  const normalized = password.normalize('NFC')
  const length = Array.from(normalized).length
  if (length < passwordLengthMin)
    throw refused(
      `it has ${length} characters, and ${passwordLengthMin} are needed`,
      'a few words that do not belong together are easy to keep in mind, and long',
    )
  if (length > passwordLengthMax)
    throw refused(`it has more than ${passwordLengthMax} characters`, 'choose a shorter one')
  estimator ??= loadEstimator()
  const { guessesLog10, sequence } = (await estimator).check(normalized, wordsOf(about))
  if (guessesLog10 < guessesLog10Min)
    throw refused(
      whyCommon(sequence),
      'choose words that do not belong together, or let a password manager make one',
    )
}

/** Loaded where the first password is chosen: the words are a few megabytes. */
async function loadEstimator(): Promise<ZxcvbnFactory> {
  const [{ ZxcvbnFactory }, { adjacencyGraphs, dictionary }] = await Promise.all([
    import('@zxcvbn-ts/core'),
    import('@zxcvbn-ts/language-common'),
  ])
  return new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs, maxLength: estimatedLengthMax })
}

/** Phrases that are famous for being passwords, which an estimate from words alone takes for good. */
const famous = ['correct horse battery staple', 'correcthorsebatterystaple', 'thequickbrownfoxjumps']

function wordsOf(about: readonly string[]): string[] {
  const words = about.flatMap((text) => [text, text.replaceAll(/\s+/g, ''), ...text.split(/[^\p{L}\p{N}]+/u)])
  return [...new Set([...words, ...famous].map((word) => word.toLowerCase()))].filter(
    (word) => word.length >= wordLengthMin,
  )
}

/** What the longest part of it is that can be guessed. */
function whyCommon(sequence: readonly Match[]): string {
  const guessed = sequence.filter(({ pattern }) => pattern !== 'bruteforce' && pattern !== 'separator')
  const [longest] = guessed.toSorted((a, b) => b.token.length - a.token.length)
  switch (longest?.pattern) {
    case 'repeat':
      return 'it repeats the same text'
    case 'sequence':
      return 'it is a sequence, such as abcdef or 123456'
    case 'spatial':
      return 'its keys lie beside each other on a keyboard'
    case 'dictionary':
      return longest['dictionaryName'] === 'userInputs'
        ? 'it is made of your address, or of names that others know'
        : 'it is among the passwords that are tried first'
    default:
      return 'it is easily guessed'
  }
}

function refused(why: string, fix: string): DomainError {
  return new DomainError('password_refused', `This password will not do: ${why}.`, {
    fix,
    faults: [{ pointer: '/password', detail: why, fix }],
  })
}
