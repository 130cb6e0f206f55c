import type { Actor, Commit } from '../audit/record.ts'
import { hasCode } from '../errors.ts'
import type { OrganizationId } from '../ids.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { type Page, type Records, update } from '../storage/ports.ts'
import { type ClientKey, clientKeys } from './client-key.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly secrets: Secrets
}

const pageSize = 100
const attemptsMax = 20

/**
 * Seals the hashes of an organization's keys under the newest deployment secret; no key changes for its owner. Safe to
 * repeat, and to run while keys are used and rotated.
 * @returns how many keys were sealed anew
 */
export async function rewrapClientKeys(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
): Promise<number> {
  let [count, lost] = [0, 0]
  let after: string | undefined
  for (;;) {
    const page: Page = after === undefined ? { limit: pageSize } : { limit: pageSize, after }
    const keys = await deps.records.list(organizationId, clientKeys, 'all', '', page)
    try {
      count += await rewrapPage(deps, by, organizationId, keys)
    } catch (cause) {
      lost += 1
      if (!hasCode(cause, 'conflict') || lost === attemptsMax) throw cause
      continue
    }
    if (keys.length < pageSize) return count
    lost = 0
    after = keys.at(-1)?.id
  }
}

async function rewrapPage(
  { commit, secrets }: Deps,
  by: Actor,
  organizationId: OrganizationId,
  keys: readonly ClientKey[],
): Promise<number> {
  const older = keys.filter((key) => resealed(key, secrets) !== key)
  if (older.length === 0) return 0
  const [target] = secrets.ids
  const details = { client_keys: older.length }
  await commit(
    { type: 'deployment.secrets_rewrapped', organizationId, target, by, details },
    older.map((key) => update(clientKeys, key, resealed(key, secrets))),
  )
  return older.length
}

/** The key itself, if the newest secret sealed all of its hashes already. */
function resealed(key: ClientKey, secrets: Secrets): ClientKey {
  const { id, authentication } = key
  if (authentication.kind !== 'secret') return key
  if (authentication.secrets.every(({ sealedHash }) => secrets.isCurrent(sealedHash))) return key
  const label = 'client-secrets'
  const moved = authentication.secrets.map((one) => ({
    ...one,
    sealedHash: secrets.seal(label, id, secrets.open(label, id, one.sealedHash)),
  }))
  return { ...key, authentication: { kind: 'secret', secrets: moved } }
}
