/** A set of small numbers (indexes of operations or of roles), one bit each. Others may hold the same one. */
export interface Bits {
  readonly length: number
  readonly [word: number]: number
  slice(): OwnBits
}

/** A set of which nobody else has heard yet, so that it may be changed. */
export type OwnBits = Uint32Array

export function noBits(size: number): OwnBits {
  return new Uint32Array((size + 31) >>> 5)
}

const empty: Bits[] = []

/** The set that has none, one for all: most roles say a condition of all that they name. */
export function emptyBits(size: number): Bits {
  const words = (size + 31) >>> 5
  empty[words] ??= new Uint32Array(words)
  return empty[words]
}

export function hasBit(bits: Bits, index: number): boolean {
  return ((bits[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0
}

export function setBit(bits: OwnBits, index: number): void {
  const word = index >>> 5
  bits[word] = (bits[word] ?? 0) | (1 << (index & 31))
}

/** Adds all of `more` to `bits`, in place. */
export function unite(bits: OwnBits, more: Bits): void {
  for (let word = 0; word < bits.length; word++) bits[word] = (bits[word] ?? 0) | (more[word] ?? 0)
}

/** Keeps in `bits`, in place, only what `within` has too. */
export function intersect(bits: OwnBits, within: Bits): void {
  for (let word = 0; word < bits.length; word++) bits[word] = (bits[word] ?? 0) & (within[word] ?? 0)
}

/** What either has: one of the two itself where it has all of the other. Neither is changed. */
export function union(one: Bits, other: Bits): Bits {
  if (isWithin(other, one)) return one
  if (isWithin(one, other)) return other
  const both = one.slice()
  unite(both, other)
  return both
}

/** What both have: one of the two itself where the other has all of it. Neither is changed. */
export function intersection(one: Bits, other: Bits): Bits {
  if (isWithin(one, other)) return one
  if (isWithin(other, one)) return other
  const both = one.slice()
  intersect(both, other)
  return both
}

export function isEmpty(bits: Bits): boolean {
  for (let word = 0; word < bits.length; word++) if (bits[word] !== 0) return false
  return true
}

export function isWithin(bits: Bits, whole: Bits): boolean {
  for (let word = 0; word < bits.length; word++)
    if (((bits[word] ?? 0) & ~(whole[word] ?? 0)) !== 0) return false
  return true
}
