import type { Context } from 'koa'

const formLengthMax = 10_000

/** What a form of ours has sent. Answers 413 if it is too long to be that. */
export async function readForm(ctx: Context): Promise<URLSearchParams> {
  let form = ''
  for await (const chunk of ctx.req.setEncoding('utf8')) {
    form += chunk
    if (form.length > formLengthMax) ctx.throw(413)
  }
  return new URLSearchParams(form)
}
