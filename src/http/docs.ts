import type { Middleware } from 'koa'
import type { Log } from './log.ts'
import { type ApiDocumentOptions, apiDocument } from './openapi.ts'
import { pageAt } from './page-at.ts'
import { type ReferencePage, referencePage } from './reference.ts'
import { asset, view } from './render.ts'
import { type Handler, koaHandler } from './site-map.ts'

/** The reference for anyone: `/openapi.json`, `/docs` and the style sheet that it needs. Made when first asked for. */
export function docsHandlers(
  log: Log,
  options: ApiDocumentOptions,
): { readonly 'openapi.json': Handler; readonly docs: Handler; readonly static: Handler } {
  const at = (path: string, type: string, make: () => string | Buffer): Handler =>
    koaHandler(log, pageAt(path, madeOnce(type, make)))
  return {
    'openapi.json': at('/openapi.json', 'application/json', () => JSON.stringify(apiDocument(options))),
    docs: at('/docs', 'text/html', () => view<ReferencePage>('docs/reference')(referencePage(options))),
    static: at('/static/reference.css', 'text/css', () => asset('docs/reference.css')),
  }
}

/** A start that waits for no page is a faster start. */
function madeOnce(type: string, make: () => string | Buffer): Middleware {
  let made: string | Buffer | undefined
  return (ctx) => {
    made ??= make()
    ctx.set('Cache-Control', 'public, max-age=300')
    ctx.type = type
    ctx.body = made
  }
}
