import type { Filter } from 'mongodb'
import { checkAddition, checkCounting, checkLimit, checkText } from '../../src/storage/checks.ts'
import type { CounterAddition, Counters, LatestMark } from '../../src/storage/ports.ts'
import { translated } from './errors.ts'
import { type CounterRow, organizationPart, type Tables } from './tables.ts'
import type { InTransaction } from './transactions.ts'

export function mongoCounters({ counters, latestMarks }: Tables, inTransaction: InTransaction): Counters {
  return {
    record: async (additions, marks) => {
      checkCounting(additions, marks)
      if (additions.length + marks.length === 0) return
      await inTransaction(async (session) => {
        if (additions.length > 0) await counters.bulkWrite(additions.map(addition), { session })
        if (marks.length > 0) await latestMarks.bulkWrite(marks.map(mark), { session })
      })
    },
    add: async (one) => {
      checkAddition(one)
      const counted = async () => {
        const { filter, update } = addition(one).updateOne
        return (await counters.findOneAndUpdate(filter, update, { returnDocument: 'after' }))?.count
      }
      return translated(async () => {
        const count = await counted()
        if (count !== undefined) return count
        // Made apart from counting: of racing upserts, a server may tell more than one that it was the first.
        await counters.bulkWrite([addition({ ...one, count: 0 })])
        const countOfMade = await counted()
        if (countOfMade === undefined) throw new Error('a counter was not counted')
        return countOfMade
      })
    },
    list: async (organizationId, prefix, { limit, after }) => {
      checkLimit(limit)
      checkText(organizationId, prefix, after?.name)
      const filter: Filter<CounterRow> = {
        organizationId,
        name: beginningWith(prefix),
        ...(after !== undefined && {
          $or: [
            { windowAt: { $lt: after.windowAt } },
            { windowAt: after.windowAt, name: { $gt: after.name } },
          ],
        }),
      }
      const rows = await translated(() =>
        counters.find(filter, { sort: { windowAt: -1, name: 1 }, limit }).toArray(),
      )
      return rows.map(({ name, windowAt, count }) => ({ name, windowAt, count }))
    },
    latest: async (organizationId, names) => {
      checkText(organizationId, ...names)
      const ids = names.map((name) => markId({ organizationId, name }))
      const rows = await translated(() => latestMarks.find({ _id: { $in: ids }, organizationId }).toArray())
      return new Map(rows.map(({ name, at }) => [name, at]))
    },
    forget: async (before, prefix = '') => {
      const filter = { windowAt: { $lt: before }, name: beginningWith(prefix) }
      const { deletedCount } = await translated(() => counters.deleteMany(filter))
      return deletedCount
    },
  }
}

/** U+10FFFF is no character: no name goes on with it. */
function beginningWith(prefix: string) {
  return { $gte: prefix, $lt: `${prefix}\u{10ffff}` }
}

function addition({ organizationId, name, windowAt, count }: CounterAddition) {
  const filter = { _id: `${organizationPart(organizationId)}/${windowAt}/${name}` }
  const update = { $inc: { count }, $setOnInsert: { organizationId, name, windowAt } }
  return { updateOne: { filter, update, upsert: true } }
}

function mark({ organizationId, name, at }: LatestMark) {
  const update = { $max: { at }, $setOnInsert: { organizationId, name } }
  return { updateOne: { filter: { _id: markId({ organizationId, name }) }, update, upsert: true } }
}

function markId({ organizationId, name }: Pick<LatestMark, 'organizationId' | 'name'>): string {
  return `${organizationPart(organizationId)}/${name}`
}
