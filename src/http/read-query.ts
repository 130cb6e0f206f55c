import { DomainError, type Fault } from '../errors.ts'
import { badText } from './read-body.ts'
import { shown } from './shown-pointer.ts'

/**
 * Query parameters, each at most once, decoded once. Every fault is told at once.
 * @param querystring without the question mark
 * @throws {DomainError} `invalid_request`: a parameter twice, malformed percent-encoding, bytes that are not UTF-8, NUL
 */
export function readQuery(querystring: string): Readonly<Record<string, string>> {
  const values = new Map<string, string>()
  const faults: Fault[] = []
  for (const pair of querystring.split('&')) {
    if (pair === '') continue
    const cut = pair.indexOf('=')
    const name = decoded(cut === -1 ? pair : pair.slice(0, cut))
    const value = decoded(cut === -1 ? '' : pair.slice(cut + 1))
    const pointer = `?${shown(name ?? '')}`
    if (name === undefined || value === undefined) {
      faults.push({ pointer, detail: 'is not percent-encoded UTF-8' })
    } else if ((badText(name) ?? badText(value)) !== undefined) {
      faults.push({ pointer: '?', detail: 'a parameter has a character that cannot be kept' })
    } else if (values.has(name)) {
      faults.push({ pointer, detail: 'is there twice', fix: 'Send it once.' })
    } else values.set(name, value)
  }
  if (faults.length > 0) throw new DomainError('invalid_request', 'The query cannot be read.', { faults })
  return Object.fromEntries(values)
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    // Malformed encoding: the caller is told, with the place.
    return undefined
  }
}
