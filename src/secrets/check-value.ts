import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import type { OrganizationId } from '../ids.ts'
import { type Collection, type Insert, insert, type Records, type Stored } from '../storage/ports.ts'
import type { Secrets } from './secrets.ts'

/**
 * Proves that a deployment secret is one under which this store's values are sealed. Kept by the operator, under the
 * secret's id, for every secret that may still have sealed something; `rewrapSecrets` removes those of emptied ones.
 */
export interface CheckValue extends Stored {
  /** The id of the deployment secret. */
  readonly id: string
  readonly sealed: string
  readonly createdAt: EpochMs
}

export const checkValues: Collection<CheckValue> = {
  name: 'secret_check_values',
  schema: z.custom<CheckValue>((value) => typeof value === 'object' && value !== null),
  indexes: { all: { keys: () => [''], deploymentWide: true } },
}

const label = 'check-value'
const plain = 'latchkey'
/** More secrets than anybody rotates at once. */
const checkValuesMax = 100

/** The check value of the newest secret: goes into the first start's commit, and into that of a start with a new secret in front. */
export function checkValue(secrets: Secrets, operatorId: OrganizationId, nowMs: EpochMs): Insert {
  const [id] = secrets.ids
  const sealed = secrets.seal(label, id, plain)
  return insert(checkValues, { id, organizationId: operatorId, version: 1, sealed, createdAt: nowMs })
}

/**
 * Whether these secrets open this store. `empty`: nothing is sealed yet. `known`: go on. `newest_unknown`: the newest is
 * new here; commit its `checkValue` before anything is sealed.
 * @throws {Error} saying what to do, if values in the store are sealed under a secret that is not given
 */
export async function verifySecrets(
  records: Records,
  secrets: Secrets,
): Promise<'empty' | 'known' | 'newest_unknown'> {
  const kept = await listCheckValues(records)
  for (const one of kept) verify(secrets, one)
  if (kept.length === 0) return 'empty'
  return kept.some(({ id }) => id === secrets.ids[0]) ? 'known' : 'newest_unknown'
}

function verify(secrets: Secrets, kept: CheckValue): void {
  if (!secrets.ids.includes(kept.id))
    throw new Error(
      `this store has values sealed under the deployment secret ${kept.id}, which is not in LATCHKEY_SECRETS ` +
        `(given: ${secrets.ids.join(', ')}). Put it back, after the newest; it may go when \`latchkey secrets rewrap\` has run`,
    )
  if (secrets.open(label, kept.id, kept.sealed).toString() !== plain)
    throw new Error(
      `the check value of the deployment secret ${kept.id} is not what Latchkey wrote: restore the store`,
    )
}

/** Those of every secret under which values may still be sealed. */
export async function listCheckValues(records: Records): Promise<readonly CheckValue[]> {
  const places = await records.locate(checkValues, 'all', '', { limit: checkValuesMax })
  const found = await Promise.all(places.map((one) => records.find(one.organizationId, checkValues, one.id)))
  return found.filter((one) => one !== undefined)
}
