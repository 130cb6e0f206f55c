import type { Collection, Stored } from './ports.ts'

/**
 * What a store gives back: parsed by its collection's schema, deep-frozen.
 * @param json freshly read, held by nobody else: it is frozen where it is
 * @throws {Error} if it does not fit; that is damage or a missing migration, nothing a caller can mend
 */
export function storedDocument<T extends Stored>(collection: Collection<T>, json: unknown): T {
  const parsed = collection.schema.safeParse(json)
  if (parsed.success) return deepFrozen(parsed.data)
  throw new Error(`a document of ${collection.name} does not fit its schema`, { cause: parsed.error })
}

function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const part of Object.values(value)) deepFrozen(part)
  return Object.freeze(value)
}
