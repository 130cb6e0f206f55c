import { describe, expect, test } from 'vitest'
import { DomainError } from '../../src/errors.ts'
import { koaHandler } from '../../src/http/site-map.ts'
import { answersStyleSheets } from '../../src/http/style-sheets.ts'
import { problem, serve } from './serving.ts'

// As Firefox sends it.
const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }

function served() {
  return serve((log) =>
    koaHandler(log, (ctx, next) => {
      if (ctx.path.startsWith('/static/')) return answersStyleSheets(ctx, next)
      if (ctx.path === '/hostile')
        throw new DomainError('invalid_request', '<script>alert(1)</script>', { fix: '<b>no</b>' })
      if (ctx.path === '/broken') throw new Error('a secret of the store')
    }),
  )
}

describe('a problem', () => {
  test('is a page of sentences for a browser, with the same status and number', async () => {
    const { origin } = await served()
    const answer = await fetch(`${origin}/nothing`, { headers: browser })
    expect(answer.status).toBe(404)
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('vary')).toContain('Accept')
    const page = await answer.text()
    expect(page).toContain('<p>There is nothing at this address.</p>')
    expect(page).toContain('go back to where you came from')
    expect(page).toContain(`<code>${answer.headers.get('x-request-id')}</code>`)
    const [, sheet] = page.match(/href="([^"]+\.css)"/) ?? []
    expect((await fetch(origin + sheet)).status).toBe(200)
  })

  test.each([
    ['who takes anything', { accept: '*/*' }, 'GET'],
    ['who takes JSON', { accept: 'application/json' }, 'GET'],
    ['who prefers JSON', { accept: 'application/problem+json, text/html;q=0.9' }, 'GET'],
    ['who says nothing', {}, 'GET'],
    ['a browser that writes', browser, 'POST'],
    // As some libraries prefer HTML without being asked to.
    ['a caller with a token', { ...browser, authorization: 'Bearer x' }, 'GET'],
    ['whoever calls the management API', browser, 'GET', '/api/v1/nothing'],
  ])('is JSON for %s', async (_who, headers, method, path = '/nothing') => {
    const { origin } = await served()
    const answer = await fetch(origin + path, { method, headers })
    expect(answer.headers.get('vary')).toContain('Accept')
    expect(await problem(answer)).toMatchObject({ status: 404, code: 'not_found' })
  })

  test('has nothing in its page that was not escaped, nor what is told to nobody', async () => {
    const { origin } = await served()
    const hostile = await (await fetch(`${origin}/hostile`, { headers: browser })).text()
    expect(hostile).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    expect(hostile).not.toMatch(/<script|<b>/)
    const broken = await fetch(`${origin}/broken`, { headers: browser })
    expect(broken.status).toBe(500)
    expect(await broken.text()).not.toContain('secret')
  })
})
