import { timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import { DomainError } from '../../errors.ts'
import { collectBody } from '../../http/collect-body.ts'
import type { Secrets } from '../../secrets/secrets.ts'

const formBytesMax = 16 * 1024
const formTimeoutMs = 10_000

/** What was posted; a field that comes twice can be read in two ways, and counts as none. */
export type Form = ReadonlyMap<string, string>

/**
 * Reads a form that this host's own page has sent, and nobody else's.
 * @param boundTo what the page was made for; its token is good for that alone
 * @throws {DomainError} `forbidden` if another site sent it, or the token is not the page's; `unsupported_media_type`,
 * `body_too_large`, `request_timeout`
 */
export async function readForm(
  ctx: Context,
  { secrets, origin }: { readonly secrets: Secrets; readonly origin: string },
  boundTo: string,
): Promise<Form> {
  if (isOfOtherSite(ctx, origin)) throw notOurs()
  if (ctx.is('application/x-www-form-urlencoded') === false)
    throw new DomainError('unsupported_media_type', 'the form did not come as a form')
  const body = await collectBody(ctx.req, formBytesMax, formTimeoutMs)
  const fields = new URLSearchParams(body.toString('utf8'))
  const form = new Map([...fields].filter(([name]) => fields.getAll(name).length === 1))
  const csrf = Buffer.from(form.get('csrf') ?? '')
  const expected = secrets.digests('cookies', csrfText(boundTo)).map((text) => Buffer.from(text))
  if (!expected.some((one) => one.length === csrf.length && timingSafeEqual(one, csrf))) throw notOurs()
  return form
}

/** The token that a page's forms send back: nobody can make it for what another browser is doing. */
export function csrfFor(secrets: Secrets, boundTo: string): string {
  return secrets.digest('cookies', csrfText(boundTo))
}

// No service's id reads like this, so that no cookie key is a token.
function csrfText(boundTo: string): string {
  return `csrf\0${boundTo}`
}

/** Browsers say where a form comes from; what says nothing still needs the token. */
export function isOfOtherSite(ctx: Pick<Context, 'get'>, origin: string): boolean {
  const site = ctx.get('sec-fetch-site')
  const from = ctx.get('origin')
  return (site !== '' && site !== 'same-origin') || (from !== '' && from !== origin)
}

function notOurs(): DomainError {
  return new DomainError('forbidden', 'the form did not come from this page', {
    fix: 'go back to the app and start again',
  })
}
