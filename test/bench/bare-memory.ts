import { LRUCache } from 'lru-cache'
import type { Adapter, AdapterPayload } from 'oidc-provider'

/** So many of each model: enough for what is in use, and no more memory the longer it runs. */
const keptMax = 20_000

/** The least that the library can be run with: what a store costs is what it is compared with. */
export function inMemory(_model: string): Adapter {
  const kept = new LRUCache<string, AdapterPayload>({ max: keptMax })
  const byUid = new Map<string, string>()
  return {
    find: async (id) => kept.get(id),
    findByUid: async (uid) => kept.get(byUid.get(uid) ?? ''),
    findByUserCode: async () => undefined,
    upsert: async (id, payload) => {
      kept.set(id, payload)
      if (payload.uid !== undefined) byUid.set(payload.uid, id)
    },
    consume: async (id) => {
      const found = kept.get(id)
      if (found !== undefined) found['consumed'] = Math.floor(Date.now() / 1_000)
    },
    destroy: async (id) => void kept.delete(id),
    revokeByGrantId: async (grantId) => {
      for (const [id, payload] of kept) if (payload.grantId === grantId) kept.delete(id)
    },
  }
}
