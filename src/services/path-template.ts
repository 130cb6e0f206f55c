/** The names of a template's parameters, in order; one that stands twice is listed twice. */
export function parametersOf(path: string): readonly string[] {
  return [...path.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1] ?? '')
}

/** The template with its parameters' names taken out: two templates of one shape match the same paths. */
export function shapeOf(path: string): string {
  return path.replace(/\{[^{}]*\}/g, '{}')
}

/** What is wrong with a template as such, if anything. */
export function templateFault(path: string): string | undefined {
  if (!path.startsWith('/')) return 'a path begins with /'
  if (/[?#]/.test(path)) return 'a path has no query and no fragment: declare query parameters instead'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u001f\u007f\\;]/.test(path)) return 'a path has no control characters, \\ or ;'
  if (/[{}]/.test(path.replace(/\{[^{}]+\}/g, ''))) return 'the braces of the path do not match'
  if (/\{[^{}]+\}\{/.test(path)) return 'two parameters stand side by side: where one ends cannot be told'
  const names = parametersOf(path)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) return `the parameter {${twice}} stands twice in the path`
  if (/\/(\.{1,2})(\/|$)/.test(path)) return 'a path has no dot segments'
  return undefined
}
