import { DomainError } from '../errors.ts'
import { encodeSegment } from './canonical-path.ts'

/** One segment of a path template. */
export type TemplateSegment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'parameter'; readonly name: string }
  /** Literals and parameters in one segment: `literals` has one more than `names`, encoded as they are sent. */
  | { readonly kind: 'mixed'; readonly literals: readonly string[]; readonly names: readonly string[] }

export interface PathTemplate {
  readonly segments: readonly TemplateSegment[]
  readonly trailingSlash: boolean
  /** Names of the parameters in the order of the path. */
  readonly names: readonly string[]
}

/** The names of a template's parameters, in order; one that stands twice is listed twice. */
export function parameterNames(path: string): readonly string[] {
  const names: string[] = []
  let close = 0
  for (let open = path.indexOf('{'); open >= 0; open = path.indexOf('{', close)) {
    close = path.indexOf('}', open)
    if (close < 0) break
    names.push(path.slice(path.lastIndexOf('{', close) + 1, close))
  }
  return names
}

/** The template with its parameters' names taken out: two templates of one shape match the same paths. */
export function shapeOf(path: string): string {
  return path.replace(/\{[^{}]*\}/g, '{}')
}

/** Nothing but ordinary characters, and whole segments that are parameters. */
const ordinary = /^(?:\/(?:[\w-]+|\{[a-zA-Z][\w-]*\}))+$/

/** Why no path can be told by a template, if so. What no canonical path has is refused: it would never be reached. */
export function templateFault(path: string): string | undefined {
  return ordinary.test(path) ? twiceFault(path) : anyFault(path)
}

function anyFault(path: string): string | undefined {
  if (!path.startsWith('/')) return 'a path begins with /'
  if (/[?#]/.test(path)) return 'a path has no query and no fragment: declare query parameters instead'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u001f\u007f\\;]/.test(path)) return 'a path has no control characters, \\ or ;'
  if (/\/\//.test(path)) return 'a path has no empty segments'
  if (/\/\.{1,2}(\/|$)/.test(path)) return 'a path has no dot segments'
  if (!isPercentEncoded(path)) return 'the path is not percent-encoded UTF-8'
  return parametersFault(path)
}

function parametersFault(path: string): string | undefined {
  const names = parameterNames(path)
  if (names.includes('')) return 'a parameter of the path has no name'
  // An object's prototype is no place for a value.
  if (names.includes('__proto__')) return 'no parameter of a path can be named __proto__'
  if (/[{}]/.test(path.replace(/\{[^{}]*\}/g, ''))) return 'the braces of the path do not match'
  if (/\{[^{}]+\}\{/.test(path)) return 'two parameters stand side by side: where one ends cannot be told'
  return twiceFault(path)
}

function twiceFault(path: string): string | undefined {
  const names = parameterNames(path)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  return twice === undefined ? undefined : `the parameter {${twice}} stands twice in the path`
}

function isPercentEncoded(path: string): boolean {
  try {
    decodeURIComponent(shapeOf(path))
    return true
  } catch (cause) {
    if (cause instanceof URIError) return false
    throw cause
  }
}

/** @throws {DomainError} `document_refused` for a template that no path can be told by */
export function pathTemplate(path: string): PathTemplate {
  const fault = templateFault(path)
  if (fault !== undefined) throw new DomainError('document_refused', `the path ${path}: ${fault}`)
  const parts = path === '/' ? [''] : path.slice(1).split('/')
  const trailingSlash = parts.at(-1) === ''
  if (trailingSlash) parts.pop()
  return { segments: parts.map(templateSegment), trailingSlash, names: parameterNames(path) }
}

function templateSegment(part: string): TemplateSegment {
  if (!/[{%]/.test(part)) return { kind: 'literal', text: part }
  const pieces = part.split(/\{([^{}]*)\}/)
  const literals = pieces.filter((_, index) => index % 2 === 0)
  const names = pieces.filter((_, index) => index % 2 === 1)
  const [name] = names
  // Documents write literals both encoded and plain.
  if (name === undefined) return { kind: 'literal', text: decodeURIComponent(part) }
  if (part === `{${name}}`) return { kind: 'parameter', name }
  return { kind: 'mixed', literals: literals.map((text) => encodeSegment(decodeURIComponent(text))), names }
}

/**
 * Splits a segment at a mixed template's literals, into one non-empty value a parameter.
 * `ambiguous`: it can be split in more than one way.
 */
export function splitMixed(
  literals: readonly string[],
  segment: string,
): readonly string[] | 'ambiguous' | undefined {
  const first = literals[0] ?? ''
  const last = literals.at(-1) ?? ''
  if (!segment.startsWith(first) || !segment.endsWith(last)) return undefined
  if (segment.length < first.length + last.length) return undefined
  let rest = segment.slice(first.length, segment.length - last.length)
  const values: string[] = []
  for (const separator of literals.slice(1, -1)) {
    const at = rest.indexOf(separator, 1)
    if (at < 0) return undefined
    if (rest.indexOf(separator, at + 1) >= 0) return 'ambiguous'
    values.push(rest.slice(0, at))
    rest = rest.slice(at + separator.length)
  }
  if (rest === '') return undefined
  values.push(rest)
  return values
}
