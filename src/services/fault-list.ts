import { DomainError, type Fault } from '../errors.ts'

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
