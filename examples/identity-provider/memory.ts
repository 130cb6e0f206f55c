import type { Adapter, AdapterPayload } from 'oidc-provider'

interface Kept {
  readonly payload: AdapterPayload
  readonly endsAt: number
}

/** Where the provider keeps sessions, codes and tokens: in memory, until the process ends. */
export function memory(): (model: string) => Adapter {
  const kept = new Map<string, Kept>()
  return (model) => {
    const find = (key: string): AdapterPayload | undefined => {
      const found = kept.get(`${model} ${key}`)
      return found !== undefined && found.endsAt > Date.now() ? found.payload : undefined
    }
    return {
      upsert: async (id, payload, lifeSeconds = Number.POSITIVE_INFINITY) => {
        const entry = { payload, endsAt: Date.now() + lifeSeconds * 1000 }
        kept.set(`${model} ${id}`, entry)
        if (payload.uid !== undefined) kept.set(`${model} uid ${payload.uid}`, entry)
        if (payload.userCode !== undefined) kept.set(`${model} user code ${payload.userCode}`, entry)
      },
      find: async (id) => find(id),
      findByUid: async (uid) => find(`uid ${uid}`),
      findByUserCode: async (code) => find(`user code ${code}`),
      consume: async (id) => {
        const payload = find(id)
        if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000)
      },
      destroy: async (id) => {
        kept.delete(`${model} ${id}`)
      },
      revokeByGrantId: async (grantId) => {
        for (const [key, { payload }] of kept) if (payload.grantId === grantId) kept.delete(key)
      },
    }
  }
}
