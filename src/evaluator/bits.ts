/** A set of small numbers (indexes of operations or of roles), one bit each. */
export type Bits = Uint32Array

export function noBits(size: number): Bits {
  return new Uint32Array((size + 31) >>> 5)
}

export function hasBit(bits: Bits, index: number): boolean {
  return ((bits[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0
}

export function setBit(bits: Bits, index: number): void {
  const word = index >>> 5
  bits[word] = (bits[word] ?? 0) | (1 << (index & 31))
}

/** Adds all of `more` to `bits`, in place. */
export function unite(bits: Bits, more: Bits): void {
  for (let word = 0; word < bits.length; word++) bits[word] = (bits[word] ?? 0) | (more[word] ?? 0)
}

/** Keeps in `bits`, in place, only what `within` has too. */
export function intersect(bits: Bits, within: Bits): void {
  for (let word = 0; word < bits.length; word++) bits[word] = (bits[word] ?? 0) & (within[word] ?? 0)
}

export function isEmpty(bits: Bits): boolean {
  return bits.every((word) => word === 0)
}

export function isWithin(bits: Bits, whole: Bits): boolean {
  return bits.every((word, index) => (word & ~(whole[index] ?? 0)) === 0)
}
