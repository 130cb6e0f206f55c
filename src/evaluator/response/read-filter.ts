import { type PatternFault, readFieldPatterns } from '../request/check-field-patterns.ts'
import type { Filter } from './response-filter.ts'

/** A mask stands in every response: it is short, and nobody takes it for a value. */
const maskLengthMax = 64

type ReadFilter = { readonly filter: Filter } | { readonly faults: readonly PatternFault[] }

/** Reads what a statement says of responses: the fields that are shown, and the mask of the others if there is one. */
export function readFilter(fields: readonly string[], mask?: string): ReadFilter {
  const read = readFieldPatterns(fields)
  const maskFaults = maskFaultsOf(mask)
  if ('faults' in read) return { faults: [...read.faults, ...maskFaults] }
  if (maskFaults.length > 0) return { faults: maskFaults }
  return { filter: { fields: read.patterns, ...(mask === undefined ? {} : { mask }) } }
}

function maskFaultsOf(mask: string | undefined): readonly PatternFault[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (mask === undefined || (mask.length <= maskLengthMax && !/[\u0000-\u001f\u007f]/.test(mask))) return []
  return [
    {
      detail: `a mask has at most ${maskLengthMax} characters, none of them a control character`,
      fix: 'write ***, or leave it out to have the fields left out',
    },
  ]
}
