import type { Service } from '../services/service.ts'
import { signInOf } from '../services/sign-in.ts'

const nameLengthMax = 100
const product = 'Latchkey'

/**
 * What is not seen, or changes how the text around it is read. Two are letters of a kind: they join signs, and part letters.
 */
const unseen = /(?![\u200C\u200D])[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u
/** Hangul fillers are letters that look like spaces. */
const somethingSeen = /[\p{L}\p{N}\p{P}\p{S}]/u
const fillers = /[\u115F\u1160\u3164\uFFA0]/gu
const marksUponMarks = /\p{M}{5,}/u
const word = /[\p{L}\p{M}]+/gu

/**
 * Why an app that nobody answers for may not be called so; `undefined`: it may. People decide by this name: it must be
 * what it looks like, and not the name of whoever asks them.
 */
export function appNameFault(name: unknown, service: Service): string | undefined {
  if (name === undefined) return undefined
  if (
    typeof name !== 'string' ||
    !somethingSeen.test(name.replaceAll(fillers, '')) ||
    name.length > nameLengthMax
  )
    return `client_name must be 1 to ${nameLengthMax} characters`
  if (unseen.test(name)) return 'client_name has characters that are not seen, or turn the text around them'
  if (marksUponMarks.test(name)) return 'client_name has too many marks upon one letter'
  if ((name.match(word) ?? []).some(isMixed))
    return 'client_name has a word with letters of several alphabets that look alike'
  const taken = [product, service.title, service.slug, signInOf(service).brand.name ?? product]
  return taken.some((one) => fold(one) === fold(name))
    ? 'client_name is the name of the service itself, or of who signs people in'
    : undefined
}

function isMixed(text: string): boolean {
  const alphabets = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u]
  return alphabets.filter((one) => one.test(text)).length > 1
}

/** As a person compares them: without case, width, spaces and signs. */
function fold(name: string): string {
  return name
    .normalize('NFKC')
    .replaceAll(/[^\p{L}\p{N}]/gu, '')
    .toLowerCase()
}
