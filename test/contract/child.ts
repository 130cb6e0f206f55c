/**
 * Another process on the same store: `child.ts <address> <task> <JSON of its arguments>`. It opens the store, says
 * `ready`, begins when a line comes in, and says what came of it, a JSON value a line.
 */
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { hasCode } from '../../src/errors.ts'
import { type Change, insert, type Store, update } from '../../src/storage/ports.ts'
import { openAt } from './open-at.ts'
import { type Entry, entries, entry, organization, service, type Thing, thing, things } from './things.ts'

const strings = z.array(z.string())

/** Consumes each artifact; says which it was given. */
async function consume(store: Store, args: unknown): Promise<void> {
  const [serviceName = '', ...ids] = strings.parse(args)
  const answers = await Promise.all(
    ids.map((id) => store.artifacts.consume(service(serviceName), 'Code', id)),
  )
  say(ids.filter((_, i) => answers[i]))
}

/** Claims each slug, a unique key everywhere; says which it got. */
async function claim(store: Store, args: unknown): Promise<void> {
  const [organizationName = '', ...slugs] = strings.parse(args)
  const own = organization(organizationName)
  const got: string[] = []
  for (const slug of slugs) {
    try {
      await store.commit([insert(things, thing(own, slug, { slug }))])
      got.push(slug)
    } catch (error) {
      if (!hasCode(error, 'already_exists')) throw error
    }
  }
  say(got)
}

/** Raises the count of every member in one commit, again and again, until it is killed; says each count that is kept. */
async function raiseTogether(store: Store, args: unknown): Promise<void> {
  const [organizationName = '', ...members] = strings.parse(args)
  const own = organization(organizationName)
  for (;;) {
    const before: Thing[] = []
    for (const id of members) {
      const found = await store.records.find(own, things, id)
      if (found !== undefined) before.push(found)
    }
    const count = (before[0]?.count ?? 0) + 1
    const log: Change = insert(entries, entry(own, `raised-${String(count).padStart(6, '0')}`))
    const raised = before.map((member) => update(things, member, { ...member, count, tags: [`at ${count}`] }))
    if (await isKept(store, [log, ...raised])) say(count)
  }
}

/**
 * A server may hold what a killed process had locked for some time, and a slow machine has more commits than it can keep:
 * until then it refuses, and that is no fault.
 */
async function isKept(store: Store, changes: readonly [Change, ...Change[]]): Promise<boolean> {
  try {
    await store.commit(changes)
    return true
  } catch (error) {
    if (!hasCode(error, 'store_unavailable')) throw error
    await pause(100)
    return false
  }
}

/** Commits until it is kept. */
async function keep(store: Store, changes: readonly [Change, ...Change[]]): Promise<void> {
  while (!(await isKept(store, changes)));
}

/** Commits in waves of several at once, an entry each. */
async function write(store: Store, args: unknown): Promise<void> {
  const { organizationName, writer, waves, width } = z
    .object({ organizationName: z.string(), writer: z.string(), waves: z.int(), width: z.int() })
    .parse(args)
  for (let wave = 0; wave < waves; wave++) {
    const made = Array.from({ length: width }, (_, i): Entry => {
      const id = `${writer}-${String(wave).padStart(4, '0')}-${i}`
      return entry(organization(organizationName), id, { writer, wave })
    })
    await Promise.all(made.map((one) => keep(store, [insert(entries, one)])))
  }
  say('written')
}

/** Counts and marks, a batch after the other. */
async function count(store: Store, args: unknown): Promise<void> {
  const [organizationName = '', ...marks] = strings.parse(args)
  const organizationId = organization(organizationName)
  for (const mark of marks)
    await store.counters.record(
      [{ organizationId, name: 'n', windowAt: 0, count: 1 }],
      [{ organizationId, name: 'n', at: Number(mark) }],
    )
  say('counted')
}

const tasks = new Map([
  ['consume', consume],
  ['claim', claim],
  ['raise-together', raiseTogether],
  ['write', write],
  ['count', count],
  ['open', async () => say('opened')],
])

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

const [address = '', name = '', args = 'null'] = process.argv.slice(2)
const task = tasks.get(name)
if (task === undefined) throw new Error(`no task ${name}`)
// Whoever started it is gone: nobody would end it.
process.stdin.once('end', () => process.exit(1))
const store = await openAt(address, Date.now)
const toldToGo = once(process.stdin, 'data')
say('ready')
await toldToGo
await task(store, JSON.parse(args))
await store.close()
process.stdin.destroy()
