import { createHash } from 'node:crypto'
import { DomainError } from '../errors.ts'
import { type DocumentChanges, needsConfirmation, presentChanges } from './document-changes.ts'

interface Shown {
  readonly changes: DocumentChanges
  /** SHA-256 of the document sent, and of the one that it replaces, if any. */
  readonly sha256: string
  readonly baseSha256?: string
  /** What the caller sent along, if anything. */
  readonly confirmation?: string | undefined
}

/**
 * Lets the changes through if nobody needs to see them first, or somebody has: the confirmation is a digest of this
 * document, the one that it replaces and the changes, so that it confirms nothing else.
 * @throws {DomainError} `confirmation_required`, its data `changes` and the `confirmation` to repeat the call with
 */
export function confirmChanges({ changes, sha256, baseSha256 = '', confirmation }: Shown): void {
  if (!needsConfirmation(changes)) return
  const shown = presentChanges(changes)
  const expected = createHash('sha256')
    .update(`${sha256}\n${baseSha256}\n${JSON.stringify(shown)}`)
    .digest('base64url')
  if (confirmation === expected) return
  const detail =
    confirmation === undefined
      ? 'the document changes who may do what: look at the changes, then confirm them'
      : 'the confirmation is of other changes: look at these, then confirm them'
  throw new DomainError('confirmation_required', detail, {
    fix: 'repeat the request with this confirmation',
    data: { changes: shown, confirmation: expected },
  })
}
