import type { Fault } from '../errors.ts'
import { didYouMean } from '../evaluator/nearest.ts'
import { isObject, type JsonObject, text } from './json-value.ts'

/** A chain of references longer than this is taken for a circle. */
const hopsMax = 50

/** The `$ref` of a Reference Object. */
export function referenceOf(value: unknown): string | undefined {
  return isObject(value) && Object.hasOwn(value, '$ref') ? text(value['$ref']) : undefined
}

/** What references of a document lead to, each looked up once: many name the same, by a long way or through many others. */
class Led {
  /** One step. */
  readonly targets = new Map<string, unknown>()
  /** To the end. */
  readonly ends = new Map<string, unknown>()
}

/** Documents that are read do not change. */
const ledByDocument = new WeakMap<JsonObject, Led>()

function ledIn(document: JsonObject): Led {
  const known = ledByDocument.get(document)
  if (known !== undefined) return known
  const led = new Led()
  ledByDocument.set(document, led)
  return led
}

/** What a reference within the document points at (RFC 6901 §6: a URI fragment), one step; `undefined` if nothing. */
export function targetOf(document: JsonObject, reference: string): unknown {
  const { targets } = ledIn(document)
  if (targets.has(reference)) return targets.get(reference)
  const target = lookUp(document, reference)
  targets.set(reference, target)
  return target
}

function lookUp(document: JsonObject, reference: string): unknown {
  if (reference === '#') return document
  if (!reference.startsWith('#/')) return undefined
  let at: unknown = document
  for (const part of reference.slice(2).split('/')) {
    const key = unescaped(part)
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    // Sound: `at` is an object or a list that has the key.
    at = (at as Record<string, unknown>)[key]
  }
  return at
}

/** Follows references to what they stand for; `undefined` where they lead nowhere, in a circle or out of the document. */
export function resolved(document: JsonObject, value: unknown): unknown {
  const first = referenceOf(value)
  if (first === undefined) return value
  const { ends } = ledIn(document)
  if (ends.has(first)) return ends.get(first)
  const end = wayTo(document, value).at(-1)
  ends.set(first, end)
  return end
}

/** The same with each reference that leads on, from the first; ends with `undefined` where none leads to anything. */
export function wayTo(document: JsonObject, value: unknown): readonly unknown[] {
  const way = [value]
  for (let at = value; way.length <= hopsMax; way.push(at)) {
    const reference = referenceOf(at)
    if (reference === undefined) return way
    at = targetOf(document, reference)
  }
  return [...way, undefined]
}

/** What is wrong with a reference that stands at `pointer`, if anything. External documents are never fetched. */
export function referenceFault(document: JsonObject, reference: string, pointer: string): Fault | undefined {
  const at = `${pointer}/$ref`
  if (!reference.startsWith('#'))
    return {
      pointer: at,
      detail: `the reference ${reference} leaves the document, and other documents are not fetched`,
      fix: 'bundle the document into one file (redocly bundle, swagger-cli bundle) and send that',
    }
  // JSON Schema 2020-12 §8.2.2: `#name` is an anchor; nothing that is read here is found through one.
  if (!reference.startsWith('#/') && reference !== '#') return undefined
  if (targetOf(document, reference) !== undefined) return undefined
  const parent = targetOf(document, reference.slice(0, reference.lastIndexOf('/')))
  const name = unescaped(reference.slice(reference.lastIndexOf('/') + 1))
  const fix = didYouMean(name, isObject(parent) ? Object.keys(parent) : [])
  return {
    pointer: at,
    detail: `the reference ${reference} points at nothing`,
    ...(fix === undefined ? {} : { fix }),
  }
}

function unescaped(part: string): string {
  let decoded = part
  try {
    decoded = decodeURIComponent(part)
  } catch {
    // Not percent-encoded after all: the part is then taken as it stands.
  }
  return decoded.replaceAll('~1', '/').replaceAll('~0', '~')
}
