export const tagKeysMax = 50
export const tagValuesMax = 50

/** Keys and values of tags compare without case. */
export function foldTag(text: string): string {
  return text.toUpperCase().toLowerCase()
}

/** Access tags belong to resources, and `latchkey:` is written by Latchkey alone. */
export function isReservedTagKey(key: string): boolean {
  return /^(latchkey|access-tag):/.test(foldTag(key))
}
