/** @throws {TypeError} for none */
export function listOf(value: string | readonly string[]): readonly string[] {
  const list = typeof value === 'string' ? [value] : value
  if (list.length === 0) throw new TypeError('at least one address is needed')
  return list
}
