import type { Context } from 'koa'
import { problemMediaType } from './problem.ts'
import { view } from './render.ts'
import { styleSheet } from './style-sheets.ts'

/** What of a problem a page shows. */
interface Shown {
  readonly title: string
  readonly detail: string
  readonly fix?: string
  readonly request_id: string
}

/**
 * Somebody has come with a browser, and is to read sentences. Whatever takes anything is answered JSON; so are callers of
 * the API, since some libraries say by default that they prefer HTML.
 */
export function wantsPage(ctx: Context): boolean {
  const isRead = ctx.method === 'GET' || ctx.method === 'HEAD'
  const isOfApi = ctx.path.startsWith('/api/') || ctx.get('Authorization') !== ''
  return isRead && !isOfApi && ctx.accepts(problemMediaType, 'application/json', 'text/html') === 'text/html'
}

const wayBack = 'Check the address, or go back to where you came from.'

let page: ((shown: Shown & { readonly styleSheet: string }) => string) | undefined

/** @param body a problem as `problemOf` writes it */
export function problemPage(body: string): string {
  page ??= view('problem/page')
  return page({ fix: wayBack, ...(JSON.parse(body) as Shown), styleSheet: styleSheet('sign-in.css') })
}
