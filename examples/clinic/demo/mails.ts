import { z } from 'zod'
import type { Stage } from './management.ts'
import { exchange } from './story.ts'

const Mails = z.object({ items: z.array(z.object({ id: z.string(), to: z.string() })) })
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
