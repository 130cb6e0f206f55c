import type { Actor, Commit } from '../audit/record.ts'
import type { EpochMs } from '../clock.ts'
import { DomainError, hasCode } from '../errors.ts'
import { type Records, remove } from '../storage/ports.ts'
import { type CheckValue, checkValues, listCheckValues } from './check-value.ts'
import type { Rewrap } from './rewrap.ts'
import type { Secrets } from './secrets.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly secrets: Secrets
  readonly rewraps: readonly Rewrap[]
}

type Counts = Readonly<Record<string, number>>

/** Counting stops here, for each kind: that many is as good as more. */
export const countMax = 10_000
/** Documents moved by one call, so that it ends before whoever waits for it gives up. */
const movedMax = 10_000
const attemptsMax = 20

/** `newest` seals and opens, `older` opens, `missing` may still be needed by what is in the store, and is not given. */
export type SecretState = 'newest' | 'older' | 'missing'

export interface SecretStanding {
  readonly id: string
  /** As this server was given it. */
  readonly state: SecretState
  /** Since when no server starts without it. Absent: nothing needs it. */
  readonly neededSinceAt?: EpochMs
  /** Documents with a value that it sealed, by kind. */
  readonly sealed: Counts
}

/** The deployment secrets that this server was given, newest first, and those that the store may still need. */
export async function listSecrets(deps: Omit<Deps, 'commit'>): Promise<readonly SecretStanding[]> {
  const kept = await listCheckValues(deps.records)
  const ids = [...new Set([...deps.secrets.ids, ...kept.map(({ id }) => id)])]
  return Promise.all(
    ids.map(async (id) => {
      const since = kept.find((one) => one.id === id)?.createdAt
      const needed = since === undefined ? {} : { neededSinceAt: since }
      return { id, state: stateOf(id, deps.secrets), sealed: await countSealed(deps, id), ...needed }
    }),
  )
}

function stateOf(id: string, { ids }: Secrets): SecretState {
  if (id === ids[0]) return 'newest'
  return ids.includes(id) ? 'older' : 'missing'
}

async function countSealed({ rewraps }: Pick<Deps, 'rewraps'>, id: string): Promise<Counts> {
  const counts = rewraps.map(async ({ kind, count }) => [kind, await count(id, countMax)] as const)
  return Object.fromEntries(await Promise.all(counts))
}

export interface Rewrapped {
  readonly newest: string
  /** Documents that this call moved, by kind. */
  readonly moved: Counts
  /** Documents still sealed under older secrets: if any, call again. */
  readonly left: number
  /** Secrets that this server was given and nothing that lasts needs any more. */
  readonly unneeded: readonly string[]
}

/**
 * Seals what older deployment secrets have sealed under the newest, up to a bound. When nothing is left under one, its
 * check value goes, and with it the need to give it. Safe from several nodes at once, and to be repeated after a crash.
 * @throws {DomainError} `conflict` if a secret was added later than the one that is the newest here
 */
export async function rewrapSecrets(deps: Deps, by: Actor): Promise<Rewrapped> {
  const { secrets } = deps
  const [newest, ...given] = secrets.ids
  const kept = await listCheckValues(deps.records)
  refuseOutdated(secrets, kept)
  const older = new Set([...given, ...kept.map(({ id }) => id).filter((id) => id !== newest)])
  const moved = await moveAll(deps, [...older])
  const left = new Map<string, number>()
  for (const id of older) left.set(id, sum(await countSealed(deps, id)))
  const emptied = [...older].filter((id) => left.get(id) === 0)
  await tell(deps, by, { moved, emptied })
  const unneeded = emptied.filter((id) => given.includes(id))
  return { newest, moved, left: [...left.values()].reduce((all, one) => all + one, 0), unneeded }
}

/** A server that was not restarted with the new secret in front would seal everything under the old one again. */
function refuseOutdated({ ids: [newest, ...older] }: Secrets, kept: readonly CheckValue[]): void {
  const mine = kept.find(({ id }) => id === newest)
  const later = kept.find(
    ({ id, createdAt }) =>
      id !== newest && (mine === undefined || createdAt > mine.createdAt || !older.includes(id)),
  )
  if (later === undefined) return
  throw new DomainError(
    'conflict',
    `the deployment secret ${later.id} is newer than ${newest}, which is the first of this server's`,
    { fix: 'Restart every server with the same LATCHKEY_SECRETS, the newest first, and repeat.' },
  )
}

async function moveAll({ rewraps }: Deps, older: readonly string[]): Promise<Counts> {
  const moved: Record<string, number> = Object.fromEntries(rewraps.map(({ kind }) => [kind, 0]))
  for (const id of older)
    for (const { kind, rewrap } of rewraps)
      moved[kind] = (moved[kind] ?? 0) + (await rewrap(id, movedMax - sum(moved)))
  return moved
}

/** The one event of a call that moved or ended something, in the commit that ends it. */
async function tell(
  deps: Deps,
  by: Actor,
  { moved, emptied }: { readonly moved: Counts; readonly emptied: readonly string[] },
): Promise<void> {
  const [target] = deps.secrets.ids
  for (let attempt = 1; ; attempt += 1) {
    const kept = await listCheckValues(deps.records)
    const ended = kept.filter(({ id }) => emptied.includes(id))
    if (sum(moved) === 0 && ended.length === 0) return
    // The check values are the operator's own.
    const organizationId = kept[0]?.organizationId ?? by.organizationId
    const details = { moved, unneeded: ended.map(({ id }) => id) }
    try {
      return await deps.commit(
        { type: 'deployment.secrets_rewrapped', organizationId, target, by, details },
        ended.map((one) => remove(checkValues, one)),
      )
    } catch (cause) {
      // Another node ended the same: what is there now tells what is left to end.
      if (!hasCode(cause, 'conflict') || attempt === attemptsMax) throw cause
    }
  }
}

function sum(counts: Counts): number {
  return Object.values(counts).reduce((all, one) => all + one, 0)
}
