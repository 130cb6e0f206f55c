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

/** @throws {DomainError} `document_refused` for a template that no path can be told by */
export function pathTemplate(path: string): PathTemplate {
  if (!path.startsWith('/')) throw refused(path, 'does not start with `/`')
  const parts = path === '/' ? [''] : path.slice(1).split('/')
  const trailingSlash = parts.at(-1) === ''
  if (trailingSlash) parts.pop()
  const segments = parts.map((part) => templateSegment(path, part))
  const names = segments.flatMap(namesOf)
  if (new Set(names).size < names.length) throw refused(path, 'names a parameter twice')
  return { segments, trailingSlash, names }
}

function namesOf(segment: TemplateSegment): readonly string[] {
  if (segment.kind === 'literal') return []
  return segment.kind === 'parameter' ? [segment.name] : segment.names
}

function templateSegment(path: string, part: string): TemplateSegment {
  if (part === '') throw refused(path, 'has an empty segment')
  const pieces = part.split(/\{([^{}]*)\}/)
  const literals = pieces.filter((_, index) => index % 2 === 0)
  const names = pieces.filter((_, index) => index % 2 === 1)
  // An object's prototype is no place for a value.
  if (names.includes('__proto__')) throw refused(path, 'has a parameter named `__proto__`')
  if (names.includes('')) throw refused(path, 'has a parameter without a name')
  if (literals.some((literal) => /[{}]/.test(literal))) throw refused(path, 'has an unpaired brace')
  const [name] = names
  if (name === undefined) return { kind: 'literal', text: literalText(path, part) }
  if (part === `{${name}}`) return { kind: 'parameter', name }
  // Two parameters side by side could be split anywhere.
  if (literals.slice(1, -1).includes('')) throw refused(path, 'has two parameters with nothing between them')
  return { kind: 'mixed', literals: literals.map((text) => encodeSegment(literalText(path, text))), names }
}

/** Documents write literals both encoded and plain. */
function literalText(path: string, text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw refused(path, 'has a segment that is not percent-encoded UTF-8', cause)
  }
}

function refused(path: string, why: string, cause?: unknown): DomainError {
  return new DomainError('document_refused', `the path ${path} ${why}`, { cause })
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
