import { z } from 'zod'
import type { Clock, EpochMs, Random } from '../clock.ts'
import { hasCode } from '../errors.ts'
import { type OrganizationId, ulid } from '../ids.ts'
import {
  type Collection,
  type CommitChanges,
  insert,
  type Records,
  remove,
  type Stored,
  update,
} from '../storage/ports.ts'
import type { IdempotencyKeys, Remembered } from './idempotency.ts'

interface IdempotentUse extends Stored {
  /** A digest of principal, route and the header. */
  readonly key: string
  readonly request: string
  readonly madeId?: string
  readonly endsAt: EpochMs
}

/** Housekeeping of the door, not of a domain: these commits have no audit event. */
export const idempotentUses: Collection<IdempotentUse> = {
  name: 'idempotent_uses',
  schema: z.custom<IdempotentUse>((value) => typeof value === 'object' && value !== null),
  indexes: {
    all: { keys: () => [''] },
    key: { keys: (use) => [use.key], unique: true },
  },
}

const keptMs = 24 * 60 * 60 * 1000
/** How many outlived ones each new one takes along: more than one, so that they shrink. */
const tidiedAtOnce = 10

export interface StoredIdempotencyDeps {
  readonly records: Records
  readonly commit: CommitChanges
  readonly clock: Clock
  readonly random: Random
}

/** Idempotency keys in the store, so on every node: the unique index lets exactly one of a race claim a key. */
export function storedIdempotencyKeys(deps: StoredIdempotencyDeps): IdempotencyKeys {
  return {
    claim: (organizationId, key, request) => claim(deps, organizationId, key, request),
    settle: async (organizationId, key, madeId) => {
      const use = await find(deps, organizationId, key)
      if (use !== undefined && madeId !== undefined)
        await deps.commit([update(idempotentUses, use, { ...use, madeId })])
    },
    release: async (organizationId, key) => {
      const use = await find(deps, organizationId, key)
      if (use !== undefined) await deps.commit([remove(idempotentUses, use)])
    },
  }
}

async function claim(
  deps: StoredIdempotencyDeps,
  organizationId: OrganizationId,
  key: string,
  request: string,
): Promise<Remembered | undefined> {
  const nowMs = deps.clock()
  const before = await find(deps, organizationId, key)
  if (before !== undefined && before.endsAt > nowMs) return before
  const outlived = await outlivedOf(deps, organizationId, nowMs)
  const id = `idm_${ulid(nowMs, deps.random)}`
  const use: IdempotentUse = { id, organizationId, version: 1, key, request, endsAt: nowMs + keptMs }
  const gone = new Map([...outlived, ...(before === undefined ? [] : [before])].map((one) => [one.id, one]))
  const [first, ...rest] = [...gone.values()].map((one) => remove(idempotentUses, one))
  try {
    // Removed first: the outlived one may hold the very key that is entered.
    const made = insert(idempotentUses, use)
    await deps.commit(first === undefined ? [made] : [first, ...rest, made])
    return undefined
  } catch (error) {
    // Another request took the key, or tidied the same: what is there now tells which.
    if (!hasCode(error, 'already_exists') && !hasCode(error, 'conflict')) throw error
    return claim(deps, organizationId, key, request)
  }
}

async function outlivedOf(
  { records }: StoredIdempotencyDeps,
  organizationId: OrganizationId,
  nowMs: EpochMs,
): Promise<readonly IdempotentUse[]> {
  const page = { limit: tidiedAtOnce, order: 'oldest_first' } as const
  const oldest = await records.list(organizationId, idempotentUses, 'all', '', page)
  return oldest.filter(({ endsAt }) => endsAt <= nowMs)
}

async function find(
  { records }: StoredIdempotencyDeps,
  organizationId: OrganizationId,
  key: string,
): Promise<IdempotentUse | undefined> {
  const [use] = await records.list(organizationId, idempotentUses, 'key', key, { limit: 1 })
  return use
}
