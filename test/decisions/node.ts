import { randomBytes } from 'node:crypto'
import type { OrganizationId, ServiceId } from '../../src/ids.ts'
import { newIdFrom } from '../../src/ids.ts'
import { followRevocations } from '../../src/revocations/live.ts'
import { type Ended, type Revocation, revoke } from '../../src/revocations/revocation.ts'
import type { Service } from '../../src/services/service.ts'
import { followFeed } from '../../src/storage/feed.ts'
import type { Insert, Store } from '../../src/storage/ports.ts'

export const newId = newIdFrom(() => Date.now(), randomBytes)
const operatorId = newId('org')

/** What one server process holds of the feed. */
export async function startNode(store: Store, clock: () => number = () => Date.now()) {
  let aheadMs = 0
  const feed = await followFeed({ changes: store.changes, monotonic: () => performance.now() + aheadMs })
  const revocations = await followRevocations({ records: store.records, feed, clock })
  return {
    feed,
    revocations,
    feedAgeMs: () => feed.ageMs(),
    /** Lets the node believe that so much time has passed without a reading. */
    pass: (ms: number) => {
      aheadMs += ms
    },
    stop: async () => {
      revocations.stop()
      await feed.stop()
    },
  }
}

export function serviceOf(id: ServiceId = newId('svc'), version = 1): Service {
  return {
    id,
    organizationId: operatorId,
    version,
    slug: 'clinic',
    kind: 'api',
    title: 'Clinic',
    audience: 'https://api.clinic.example',
    accessTokenTtlSeconds: 900,
    signingAlgorithm: 'ES256',
    signingKeys: [],
    documentVersion: 1,
    model: { basePaths: [''], operations: [], roles: [] },
    createdAt: 0,
  }
}

/** A key's authority that has been raised to `lowest`. */
export function raised(of: string, lowest: number, serviceId?: ServiceId, nowMs = Date.now()): Insert {
  return entry({ kind: 'authority', of, lowest }, serviceId, nowMs)
}

function entry(ended: Ended, serviceId?: ServiceId, nowMs = Date.now()): Insert {
  const organizationId: OrganizationId = operatorId
  return revoke(newId, nowMs, { organizationId, ended, ...(serviceId === undefined ? {} : { serviceId }) })
}

export function endedIn(entries: readonly Revocation[]): readonly Ended[] {
  return entries.map(({ ended }) => ended)
}
