import type { Middleware } from 'koa'
import { securityHeaders } from './headers.ts'
import type { Log } from './log.ts'
import { type ApiDocumentOptions, apiDocument } from './openapi.ts'
import { pageAt } from './page-at.ts'
import { type ReferencePage, referencePage } from './reference.ts'
import { asset, view } from './render.ts'
import { type Handler, koaHandler } from './site-map.ts'

/** The reference for anyone: `/openapi.json`, `/docs` and the style sheet that it needs. All made once, at start. */
export function docsHandlers(
  log: Log,
  options: ApiDocumentOptions,
): { readonly 'openapi.json': Handler; readonly docs: Handler; readonly static: Handler } {
  const document = JSON.stringify(apiDocument(options))
  const page = view<ReferencePage>('docs/reference')(referencePage(options))
  const at = (path: string, type: string, body: string | Buffer): Handler =>
    koaHandler(log, securityHeaders(), pageAt(path, fixed(type, body)))
  return {
    'openapi.json': at('/openapi.json', 'application/json', document),
    docs: at('/docs', 'text/html', page),
    static: at('/static/reference.css', 'text/css', asset('docs/reference.css')),
  }
}

function fixed(type: string, body: string | Buffer): Middleware {
  return (ctx) => {
    ctx.set('Cache-Control', 'public, max-age=300')
    ctx.type = type
    ctx.body = body
  }
}
