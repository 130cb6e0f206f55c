import { DomainError } from '../../src/errors.ts'
import { changedItem } from '../../src/storage/changed-item.ts'
import type { ChangeRow, Changes, CommitChanges, Records } from '../../src/storage/ports.ts'
import { type Note, notes } from './node.ts'

export function makeStore() {
  const map = new Map<string, Note>()
  const rows: ChangeRow[] = []
  const rings = new Set<() => void>()
  const records: Records = {
    find: async (o, _f, id) => map.get(`${o}/${id}`) as never,
    list: async () => [...map.values()] as never,
    locate: async (_f, index, key) =>
      [...map.values()]
        .filter((d) => notes.indexes[index]?.keys(d).includes(key))
        .map((d) => ({ organizationId: d.organizationId, id: d.id })) as never,
  }
  const commit: CommitChanges = async (changes) => {
    for (const c of changes) {
      const d = (c.kind === 'remove' ? c.before : c.after) as Note
      const k = `${d.organizationId}/${d.id}`
      if (c.kind !== 'insert' && map.get(k)?.version !== c.before.version)
        throw new DomainError('conflict', 'x')
      if (c.kind === 'remove') map.delete(k)
      else map.set(k, Object.freeze(d))
    }
    rows.push({ position: (rows.at(-1)?.position ?? 0) + 1, items: changes.map(changedItem) })
    for (const r of rings) r()
  }
  const changes: Changes = {
    head: async () => rows.at(-1)?.position ?? 0,
    read: async (p, limit) => ({
      rows: rows.filter((r) => r.position > p).slice(0, limit),
      gap: (rows[0]?.position ?? 1) > p + 1,
    }),
    onBell: (r) => {
      rings.add(r)
      return () => rings.delete(r)
    },
  }
  return { records, commit, changes, forget: () => rows.splice(0, rows.length - 1) }
}
