import { jsonPointer } from '../json-text.ts'

const shownLengthMax = 64

/** A name that the caller wrote, short enough to be said again. */
export function shown(name: string): string {
  return name.length > shownLengthMax ? `${name.slice(0, shownLengthMax)}…` : name
}

/** Where in the body: a JSON pointer of names that are short enough to be said again. */
export function shownPointer(path: readonly PropertyKey[]): string {
  return jsonPointer(...path.map((step) => shown(String(step))))
}
