import { setTimeout as delay } from 'node:timers/promises'
import { createTokenSource } from 'latchkey/sdk'
import { z } from 'zod'
import type { OperatorKey } from './latchkey-process.ts'
import type { Stage } from './management.ts'
import { exchange } from './story.ts'

const Mails = z.object({
  items: z.array(z.object({ id: z.string(), to: z.string(), subject: z.string() })),
})
const Mail = z.object({ subject: z.string(), text: z.string() })

/** The newest mail to somebody. Without a mail server the operator reads them, and passes them on. */
export async function readMail({ story, api, bearer }: Stage, to: string): Promise<string> {
  const kept = Mails.parse((await exchange(`${api}/mails`, { bearer })).body).items
  const found = kept.findLast((mail) => mail.to === to)
  if (found === undefined) throw new Error(`no mail to ${to}`)
  const read = await story.expect(
    200,
    `${api}/mails/${found.id}/read`,
    { method: 'POST', bearer },
    (body) => {
      return `“${Mail.parse(body).subject}”`
    },
  )
  const { text } = Mail.parse(read.body)
  story.quote(text)
  return text
}

const lookEveryMs = 500

/**
 * Writes each mail that comes from now on, with what it says, for whoever tries things in a browser.
 * @returns ends it
 */
export async function showMails(latchkey: string, { client_secret: key }: OperatorKey): Promise<() => void> {
  const tokens = createTokenSource({ latchkey, service: 'latchkey', key })
  const mails = `${latchkey}/api/v1/mails`
  const shown = new Set<string>()
  const unseen = async () => {
    const bearer = { token: await tokens.token(), of: 'the operator’s token' }
    const { items } = Mails.parse((await exchange(`${mails}?limit=200`, { bearer })).body)
    const found = items.filter(({ id }) => !shown.has(id))
    for (const { id } of found) shown.add(id)
    return { bearer, found }
  }
  const look = async () => {
    const { bearer, found } = await unseen()
    for (const { id, to, subject } of found) {
      const { body } = await exchange(`${mails}/${id}/read`, { method: 'POST', bearer })
      console.log(`\nMail to ${to}: ${subject}\n\n${Mail.parse(body).text.replace(/^(?=.)/gm, '   | ')}`)
    }
  }
  await unseen()
  const ended = new AbortController()
  const { signal } = ended
  void (async () => {
    while (!signal.aborted) {
      // The server may be on its way down: whoever waits for that is told of it.
      await look().catch(() => {})
      await delay(lookEveryMs, undefined, { signal }).catch(() => {})
    }
    tokens.close()
  })()
  return () => ended.abort()
}
