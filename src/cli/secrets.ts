import { Command } from 'commander'
import { z } from 'zod'
import { Failure } from './failure.ts'
import { textOf } from './output.ts'
import type { Open, Session } from './session.ts'

const Counts = z.record(z.string(), z.number())
const Secrets = z.object({
  items: z.array(
    z.looseObject({
      id: z.string(),
      state: z.string(),
      needed_since: z.string().nullable(),
      sealed: Counts,
    }),
  ),
})
const Rewrapped = z.object({
  newest: z.string(),
  moved: Counts,
  left: z.number(),
  unneeded: z.array(z.string()),
  take_out_after: z.string().nullable(),
})
type Rewrapped = z.output<typeof Rewrapped>

export function secretsCommand(open: Open): Command {
  const group = new Command('secrets').description(
    'the secrets of the deployment, LATCHKEY_SECRETS, by their ids',
  )
  group
    .command('list')
    .description('which the server was given, and how much is sealed under each')
    .action(async () => {
      const { api, output } = open()
      const body = await api.get('/secrets')
      if (output.json) return output.show(body)
      const { items } = Secrets.parse(body)
      const rows = items.map(({ sealed, ...secret }) => ({ ...secret, ...sealed }))
      const kinds = [...new Set(items.flatMap(({ sealed }) => Object.keys(sealed)))]
      output.list({ items: rows, next_cursor: null }, ['id', 'state', 'needed_since', ...kinds], 'None.')
      output.say(whatIsNext(items))
    })
  group
    .command('rewrap')
    .description('seal everything under the newest; every server must have it first in LATCHKEY_SECRETS')
    .action(async () => {
      const session = open()
      const rewrapped = await rewrapAll(session)
      session.output.show(rewrapped)
      session.output.say(whatToTakeOut(rewrapped))
    })
  return group
}

/** A call of the API moves a bounded number: calls until nothing is left, and adds up what they moved. */
async function rewrapAll({ api }: Session): Promise<Rewrapped> {
  const moved: Record<string, number> = {}
  for (;;) {
    const part = Rewrapped.parse(await api.send('POST', '/secrets/rewrap'))
    for (const [kind, count] of Object.entries(part.moved)) moved[kind] = (moved[kind] ?? 0) + count
    if (part.left === 0) return { ...part, moved }
    if (Object.values(part.moved).every((count) => count === 0))
      throw new Failure(`${part.left} are still sealed under older secrets, and none could be moved`, {
        exitCode: 1,
        fix: 'look whether another server still has an older secret first in LATCHKEY_SECRETS, and repeat',
      })
  }
}

function whatToTakeOut({ newest, unneeded, take_out_after }: Rewrapped): string {
  if (unneeded.length === 0) return `Everything is sealed under ${newest}, the only secret given.`
  return (
    `Nothing is sealed under ${unneeded.join(', ')} any more. Once \`latchkey secrets list\` still says so when every ` +
    `server has ${newest} first, and after ${textOf(take_out_after)}, leave only the first secret in LATCHKEY_SECRETS ` +
    '(or in the file secrets of the data folder) on every server, and restart it.'
  )
}

function whatIsNext(items: z.output<typeof Secrets>['items']): string {
  const older = items.filter(({ state }) => state !== 'newest')
  if (older.some(({ state }) => state === 'missing'))
    return 'One is missing at this server: give every server the same LATCHKEY_SECRETS, the newest first.'
  const needed = older.some(
    (one) => one.needed_since !== null || Object.values(one.sealed).some((count) => count > 0),
  )
  if (needed) return 'Older ones are still needed: run `latchkey secrets rewrap`.'
  if (older.length === 0) return 'There is no older one to take out.'
  return 'Only the newest is needed: an hour after the last rewrap the older ones may leave LATCHKEY_SECRETS on every server.'
}
