import { describe, expect, test } from 'vitest'
import { docsHandlers } from '../../src/http/docs.ts'
import type { Route } from '../../src/http/route.ts'
import { koaHandler, siteMap } from '../../src/http/site-map.ts'
import { answersStyleSheets } from '../../src/http/style-sheets.ts'
import { noteRoutes } from './notes.ts'
import { problem, serve } from './serving.ts'

const origin = 'https://latchkey.example'

function serveDocs(routes: readonly Route[] = noteRoutes().routes) {
  return serve((log) => {
    const docs = docsHandlers(log, { routes, origin, version: '1.2.3' })
    return siteMap({ ...docs, static: koaHandler(log, answersStyleSheets) }, docs.docs)
  })
}

describe('/docs', () => {
  test('shows each operation with method, path, parameters, problems, roles and a curl example', async () => {
    const page = await (await fetch(`${(await serveDocs()).origin}/docs`)).text()
    for (const { operationId, summary } of noteRoutes().routes) {
      expect(page).toContain(`<article id="${operationId}">`)
      expect(page).toContain(`<h3>${summary}</h3>`)
    }
    expect(page).toContain('<code>/api/v1/organizations/{organization}/notes/{key}</code>')
    expect(page).toContain('<code>organization-viewer</code>')
    expect(page).toContain('curl -X POST https://latchkey.example/api/v1/organizations/org_')
    expect(page).toContain('id="problem-client_key_not_found"')
    expect(page).toContain('&#34;low&#34; or &#34;normal&#34; or &#34;high&#34;')
  })

  test('escapes what routes say', async () => {
    const [first] = noteRoutes().routes
    if (first === undefined) throw new Error('no route')
    const { origin: at } = await serveDocs([
      { ...first, summary: '<script>alert(1)</script>', tag: '"><img src=x>' },
    ])
    const page = await (await fetch(`${at}/docs`)).text()
    expect(page).not.toContain('<script')
    expect(page).not.toContain('<img')
  })

  test('has a policy without inline script, and no script, style or host of others in the page', async () => {
    const { origin: at } = await serveDocs()
    const answer = await fetch(`${at}/docs`)
    const policy = answer.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/unsafe|https:|\*/)
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    const page = await answer.text()
    expect(page).not.toMatch(/<script|<style| style=| on[a-z]+=|(src|href)="(https?:)?\/\//)
    const sheet = /<link rel="stylesheet" href="(\/static\/reference\.[^"]+)"/.exec(page)?.[1]
    expect((await fetch(at + sheet)).headers.get('content-type')).toContain('text/css')
  })

  test('is at exactly its path, for reading', async () => {
    const { origin: at } = await serveDocs()
    for (const path of [
      '/docs/',
      '/docs/x',
      '/static/',
      '/static/../../package.json',
      '/static/reference.ejs',
      '/static/reference.css',
    ])
      expect(await problem(await fetch(at + path))).toMatchObject({ status: 404 })
    expect((await fetch(`${at}/docs`, { method: 'POST' })).headers.get('allow')).toBe('GET, HEAD')
  })
})

describe('/openapi.json', () => {
  test('is the document, for anyone', async () => {
    const answer = await fetch(`${(await serveDocs()).origin}/openapi.json`)
    expect(await answer.json()).toMatchObject({ openapi: '3.1.0', servers: [{ url: origin }] })
  })
})
