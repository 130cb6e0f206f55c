/** One parameter of a query as it was sent, decoded once. */
export interface QueryParameter {
  readonly name: string
  readonly value: string
  /** A comma of the value was sent as `%2C`: where commas part values, readers differ on whether it does. */
  readonly hasEncodedComma: boolean
}

/** More parameters than this are not read by common servers: what comes after them would be seen here alone. */
const parametersMax = 1_000

/**
 * Raw characters that no client sends, or that some readers take for the end of the query or of a parameter: controls,
 * space, `;`, `#`, and all beyond ASCII.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
const unfit = /[\u0000-\u0020\u007f-\uffff;#]/

/**
 * The query of a request's target (`/path?a=1&b=2`), read as forms are: `+` is a space, percent-encoding is taken off
 * once.
 * @see https://url.spec.whatwg.org/#concept-urlencoded-parser, but for invalid encoding, which is refused
 */
export function queryParameters(target: string): readonly QueryParameter[] | 'ambiguous_request' {
  const start = target.indexOf('?')
  if (start < 0 || start === target.length - 1) return none
  const query = target.slice(start + 1)
  if (unfit.test(query)) return 'ambiguous_request'
  const parameters: QueryParameter[] = []
  for (const part of query.split('&')) {
    if (part === '') continue
    const parameter = parameterOf(part)
    if (parameter === undefined || parameters.length === parametersMax) return 'ambiguous_request'
    parameters.push(parameter)
  }
  return parameters
}

const none: readonly QueryParameter[] = []

function parameterOf(part: string): QueryParameter | undefined {
  const equals = part.indexOf('=')
  const name = decoded(equals < 0 ? part : part.slice(0, equals))
  const raw = equals < 0 ? '' : part.slice(equals + 1)
  const value = decoded(raw)
  if (name === undefined || value === undefined) return undefined
  return { name, value, hasEncodedComma: value !== raw && /%2c/i.test(raw) }
}

/** `undefined` where two readers could differ: invalid percent-encoding or UTF-8, and NUL, which ends text for some. */
function decoded(raw: string): string | undefined {
  const spaced = raw.includes('+') ? raw.replaceAll('+', ' ') : raw
  if (!spaced.includes('%')) return spaced
  try {
    const text = decodeURIComponent(spaced)
    return text.includes('\0') ? undefined : text
  } catch (cause) {
    if (cause instanceof URIError) return undefined
    throw cause
  }
}
