/**
 * Puts methods of one's own in the place of an object's, where it has them.
 * @returns how to give back what was there: own properties as they were, inherited ones as inherited
 */
export function takeMethods(
  of: object,
  methods: Readonly<Record<string, (...given: never[]) => unknown>>,
): () => void {
  const taken = Object.entries(methods).filter(([name]) => name in of)
  const before = taken.map(([name]) => [name, Object.getOwnPropertyDescriptor(of, name)] as const)
  for (const [name, value] of taken)
    Object.defineProperty(of, name, { value, configurable: true, enumerable: true, writable: true })
  return () => {
    for (const [name, descriptor] of before)
      if (descriptor === undefined) Reflect.deleteProperty(of, name)
      else Object.defineProperty(of, name, descriptor)
  }
}
