/**
 * What is made from a cached document, kept as long as the document is: the cache returns the same frozen object
 * until the document changes, so nothing is invalidated by hand.
 */
export function derived<Source extends object, Made>(
  make: (source: Source) => Made,
): (source: Source) => Made {
  const made = new WeakMap<Source, { readonly value: Made }>()
  return (source) => {
    const known = made.get(source)
    if (known !== undefined) return known.value
    const value = make(source)
    made.set(source, { value })
    return value
  }
}
