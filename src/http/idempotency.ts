import { createHash } from 'node:crypto'
import { DomainError } from '../errors.ts'
import type { OrganizationId } from '../ids.ts'
import { errorForLog, type Log } from './log.ts'
import { statusOf } from './status.ts'

/** What an `Idempotency-Key` was used for before. */
export interface Remembered {
  /** A digest of the body that came with it. */
  readonly request: string
  /** What that request made; absent while it is under way, and if its end is not known. */
  readonly madeId?: string
}

/** Keeps idempotency keys for a day, on every node. `key` is a digest. */
export interface IdempotencyKeys {
  /** `undefined` for exactly one caller, whose key it now is; for every other, what was remembered. */
  claim(organizationId: OrganizationId, key: string, request: string): Promise<Remembered | undefined>
  /** The claimed request is done and made (or changed) this. */
  settle(organizationId: OrganizationId, key: string, madeId: string | undefined): Promise<void>
  /** The claimed request changed nothing: the key may be used again. */
  release(organizationId: OrganizationId, key: string): Promise<void>
}

export interface IdempotentRequest {
  readonly organizationId: OrganizationId
  readonly principalId: string
  readonly method: string
  readonly path: string
  readonly query: unknown
  readonly body: unknown
  /** The header; absent: the request is not held to run once. */
  readonly header: string | undefined
}

/**
 * Runs a change once for each `Idempotency-Key` of a principal at a route.
 * @throws {DomainError} `already_done` on a repeat, with the id and never what the first answer held (it may have been a
 * secret); `idempotency_key_reused` if the repeat asks for something else; `invalid_request` for a malformed key
 */
export async function once<T>(
  { keys, log }: { readonly keys: IdempotencyKeys; readonly log: Log },
  request: IdempotentRequest,
  madeIdOf: (answer: T) => string | undefined,
  run: () => Promise<T>,
): Promise<T> {
  if (request.header === undefined) return run()
  const { organizationId } = request
  const key = keyOf(request, request.header)
  const asked = digest([request.query, request.body])
  const before = await keys.claim(organizationId, key, asked)
  if (before !== undefined) throw repeated(before, asked)
  let answer: T
  try {
    answer = await run()
  } catch (error) {
    // After a refusal nothing was changed. After anything else that is not known, and the key stays taken.
    if (error instanceof DomainError && statusOf[error.code] < 500) await keys.release(organizationId, key)
    throw error
  }
  try {
    await keys.settle(organizationId, key, madeIdOf(answer))
  } catch (error) {
    // What was asked is done, and its answer may hold a secret that is shown only now. The key stays taken: a repeat is
    // refused all the same, only without the id.
    log.warn({ err: errorForLog(error) }, 'an idempotency key could not be settled')
  }
  return answer
}

function keyOf({ principalId, method, path }: IdempotentRequest, header: string): string {
  if (!/^[\x21-\x7e]{1,255}$/.test(header)) {
    throw new DomainError('invalid_request', 'Idempotency-Key is not 1 to 255 visible ASCII characters.', {
      fix: 'Send a random value, such as a UUID.',
    })
  }
  return digest([principalId, method, path, header])
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url')
}

function repeated({ request, madeId }: Remembered, asked: string): DomainError {
  if (request !== asked) {
    return new DomainError(
      'idempotency_key_reused',
      'This Idempotency-Key came with another request before.',
      {
        fix: 'Use a new key for each new request.',
      },
    )
  }
  if (madeId === undefined) {
    return new DomainError(
      'already_done',
      'A request with this Idempotency-Key is under way, or ended unseen.',
      {
        fix: 'Read what there is before you send it anew with a new key.',
      },
    )
  }
  return new DomainError(
    'already_done',
    `A request with this Idempotency-Key was done before, on ${madeId}.`,
    {
      fix: 'Read it by its id. If its answer held a secret that was lost, rotate it.',
      data: { id: madeId },
    },
  )
}
