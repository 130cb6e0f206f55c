import { checkAddition, checkCounting, checkLimit, checkText } from '../../src/storage/checks.ts'
import type { Counter, Counters } from '../../src/storage/ports.ts'
import { integerOf, textOf } from './columns.ts'
import type { Connection, Row } from './connection.ts'
import { deleteInParts } from './delete-in-parts.ts'
import type { GroupedWrites } from './grouped-writes.ts'

const added = `
  INSERT INTO counters (organization_id, name, window_at, count) VALUES (?, ?, ?, ?)
  ON CONFLICT (organization_id, name, window_at) DO UPDATE SET count = count + excluded.count`
const marked = `
  INSERT INTO latest_marks (organization_id, name, at) VALUES (?, ?, ?)
  ON CONFLICT (organization_id, name) DO UPDATE SET at = max(at, excluded.at)`
// Compared as bytes: a text function would stop at a NUL, and LIKE would read a prefix as a pattern.
const begins = 'substr(CAST(name AS BLOB), 1, ?) = CAST(? AS BLOB)'
const listed = `
  SELECT name, window_at, count FROM counters
  WHERE organization_id = ? AND ${begins}`
const inOrder = 'ORDER BY window_at DESC, name LIMIT ?'

export function sqliteCounters(connection: Connection, writes: GroupedWrites): Counters {
  return {
    record: async (additions, marks) => {
      checkCounting(additions, marks)
      await writes.run(() => {
        for (const { organizationId, name, windowAt, count } of additions)
          connection.run(added, organizationId, name, windowAt, count)
        for (const { organizationId, name, at } of marks) connection.run(marked, organizationId, name, at)
      })
    },
    add: async (addition) => {
      checkAddition(addition)
      const { organizationId, name, windowAt, count } = addition
      const row = await writes.run(() =>
        connection.get(`${added} RETURNING count`, organizationId, name, windowAt, count),
      )
      if (row === undefined) throw new Error('a counter was not counted')
      return integerOf(row, 'count')
    },
    list: async (organizationId, prefix, { limit, after }) => {
      checkLimit(limit)
      checkText(organizationId, prefix, after?.name)
      const values = [organizationId, Buffer.byteLength(prefix), prefix]
      const rows =
        after === undefined
          ? connection.all(`${listed} ${inOrder}`, ...values, limit)
          : connection.all(
              `${listed} AND window_at <= ? AND (window_at < ? OR name > ?) ${inOrder}`,
              ...[...values, after.windowAt, after.windowAt, after.name, limit],
            )
      return rows.map(counterOf)
    },
    latest: async (organizationId, names) => {
      checkText(organizationId, ...names)
      const found = new Map<string, number>()
      for (const name of names) {
        const row = connection.get(
          'SELECT at FROM latest_marks WHERE organization_id = ? AND name = ?',
          organizationId,
          name,
        )
        if (row !== undefined) found.set(name, integerOf(row, 'at'))
      }
      return found
    },
    forget: (before, prefix = '') =>
      deleteInParts((partMax) =>
        writes.run(() =>
          connection.run(
            `DELETE FROM counters WHERE rowid IN (
              SELECT rowid FROM counters WHERE window_at < ? AND ${begins} LIMIT ?
            )`,
            ...[before, Buffer.byteLength(prefix), prefix, partMax],
          ),
        ),
      ),
  }
}

function counterOf(row: Row): Counter {
  return { name: textOf(row, 'name'), windowAt: integerOf(row, 'window_at'), count: integerOf(row, 'count') }
}
