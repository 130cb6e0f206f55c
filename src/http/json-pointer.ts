/** RFC 6901: `~` and `/` in a name are escaped. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${shown(String(step)).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

const shownLengthMax = 64

/** A name that the caller wrote, short enough to be said again. */
export function shown(name: string): string {
  return name.length > shownLengthMax ? `${name.slice(0, shownLengthMax)}…` : name
}
