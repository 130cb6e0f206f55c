import type { Middleware } from 'koa'
import type { Log } from './log.ts'
import { type ApiDocumentOptions, apiDocument } from './openapi.ts'
import { pageAt } from './page-at.ts'
import { type ReferencePage, referencePage } from './reference.ts'
import { view } from './render.ts'
import { type Handler, koaHandler } from './site-map.ts'
import { styleSheet } from './style-sheets.ts'

/** The reference for anyone: `/openapi.json` and `/docs`. Made when first asked for. */
export function docsHandlers(
  log: Log,
  options: ApiDocumentOptions,
): { readonly 'openapi.json': Handler; readonly docs: Handler } {
  const at = (path: string, type: string, make: () => string): Handler =>
    koaHandler(log, pageAt(path, madeOnce(type, make)))
  return {
    'openapi.json': at('/openapi.json', 'application/json', () => JSON.stringify(apiDocument(options))),
    docs: at('/docs', 'text/html', () => reference(options)),
  }
}

function reference(options: ApiDocumentOptions): string {
  const page = view<ReferencePage & { readonly styleSheet: string }>('docs/reference')
  return page({ ...referencePage(options), styleSheet: styleSheet('reference.css') })
}

/** A start that waits for no page is a faster start. */
function madeOnce(type: string, make: () => string): Middleware {
  let made: string | undefined
  return (ctx) => {
    made ??= make()
    ctx.set('Cache-Control', 'public, max-age=300')
    ctx.type = type
    ctx.body = made
  }
}
