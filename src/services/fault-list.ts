import { DomainError, type Fault } from '../errors.ts'

/** One part of a JSON pointer, escaped (RFC 6901 §3). */
export function pointerPart(key: string | number): string {
  return String(key).replaceAll('~', '~0').replaceAll('/', '~1')
}

/** A JSON pointer from its parts, in order; none is the whole document. */
export function pointer(...parts: readonly (string | number)[]): string {
  return parts.map((part) => `/${pointerPart(part)}`).join('')
}

/** Refused, with every fault that was found. */
export function documentRefused(faults: readonly Fault[], cause?: unknown): DomainError {
  const [first] = faults
  const others = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
  return new DomainError('document_refused', `the document was refused: ${first?.detail ?? ''}${others}`, {
    faults,
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Refused for one reason that concerns the whole. */
export function wholeRefused(detail: string, fix: string, cause?: unknown): DomainError {
  return documentRefused([{ pointer: '', detail, fix }], cause)
}
