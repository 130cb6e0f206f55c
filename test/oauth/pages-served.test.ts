import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { services } from '../../src/services/service.ts'
import { Browser } from './browser.ts'
import { type IssuedKey, startWorld, type World } from './fixture.ts'

const png = Buffer.from('\x89PNG\r\n\x1a\n rest', 'latin1')
const asBrowser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }

let world: World
let app: IssuedKey
beforeAll(async () => {
  world = await startWorld()
  app = await world.addKey({ name: 'Calendar', redirectUris: ['https://app.example/callback'] })
  await world.addService({
    slug: 'branded',
    signIn: {
      brand: {
        name: 'Riverside Clinic',
        colour: '#0b6b3a',
        logo: { mediaType: 'image/png', base64: png.toString('base64') },
      },
    },
  })
})
afterAll(() => world.stop())

const authorize = (
  parameters: Record<string, string>,
  headers: Record<string, string> = asBrowser,
  slug = 'clinic',
) =>
  fetch(`${world.origin}/${slug}/oauth/authorize?${new URLSearchParams(parameters)}`, {
    headers,
    redirect: 'manual',
  })

describe('/{service}/logo', () => {
  test('is the picture, which no browser may take for anything else', async () => {
    const answer = await fetch(`${world.origin}/branded/logo`)
    expect(Buffer.from(await answer.arrayBuffer()).equals(png)).toBe(true)
    expect(answer.headers.get('content-type')).toBe('image/png')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('content-security-policy')).toMatch(/^sandbox;/)
  })

  test('is not sent again to who has it', async () => {
    const etag = (await fetch(`${world.origin}/branded/logo`)).headers.get('etag') ?? ''
    const again = await fetch(`${world.origin}/branded/logo`, { headers: { 'if-none-match': etag } })
    expect(again.status).toBe(304)
    expect(await again.text()).toBe('')
  })

  test('is not there where none was given; it is read, and nothing else', async () => {
    expect((await fetch(`${world.origin}/clinic/logo`)).status).toBe(404)
    expect((await fetch(`${world.origin}/nowhere/logo`)).status).toBe(404)
    expect((await fetch(`${world.origin}/branded/logo`, { method: 'POST' })).status).toBe(405)
    const head = await fetch(`${world.origin}/branded/logo`, { method: 'HEAD' })
    expect(head.headers.get('content-length')).toBe(String(png.length))
  })

  test('changes with the settings', async () => {
    const service = await world.addService({ slug: 'rebranded' })
    expect((await fetch(`${world.origin}/rebranded/logo`)).status).toBe(404)
    const brand = { logo: { mediaType: 'image/png', base64: png.toString('base64') } } as const
    await world.change(services, service, { signIn: { brand } })
    expect((await fetch(`${world.origin}/rebranded/logo`)).status).toBe(200)
  })
})

describe('an error at the authorization endpoint', () => {
  test('of an app that is unknown is a page with the brand, what happened, what to do and the request id', async () => {
    const answer = await authorize({ client_id: 'nobody' }, asBrowser, 'branded')
    expect(answer.status).toBe(400)
    expect(answer.headers.get('content-type')).toContain('text/html')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    const page = await answer.text()
    expect(page).toContain('<h1>This app is not known here</h1>')
    expect(page).toContain('Go back to the app.')
    expect(page).toContain(answer.headers.get('x-request-id'))
    expect(page).toContain('<bdi>Riverside Clinic</bdi>')
    expect(page).toContain('src="/branded/logo"')
    expect(page).toContain('href="/static/colour/0b6b3a.css"')
  })

  test('of an address that is not registered is a page, and leads nowhere', async () => {
    const answer = await authorize({
      client_id: app.key.id,
      redirect_uri: 'https://evil.example/"><script>alert(1)</script>',
      response_type: 'code',
      scope: 'openid',
    })
    expect(answer.status).toBe(400)
    expect(answer.headers.has('location')).toBe(false)
    const page = await answer.text()
    expect(page).toContain('Nothing was sent there.')
    expect(page).not.toContain('<script')
    expect(page).not.toContain('evil.example')
  })

  test('is JSON for what is no browser', async () => {
    const answer = await authorize({ client_id: 'nobody' }, { accept: 'application/json' })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: 'invalid_client' })
  })

  test('is a page, too, where it is answered before the library is asked', async () => {
    const answer = await fetch(`${world.issuer}/oauth/authorize`, { method: 'DELETE', headers: asBrowser })
    expect(answer.status).toBe(405)
    expect(await answer.text()).toContain('<h1>This did not work</h1>')
  })

  test('of the token endpoint stays JSON, whatever a browser accepts (RFC 6749 §5.2)', async () => {
    const answer = await fetch(`${world.issuer}/oauth/token`, { method: 'POST', headers: asBrowser })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: 'invalid_request' })
  })
})

describe('a sign-in of another browser', () => {
  test('is an error page that says what to do', async () => {
    const stranger = new Browser(world.origin)
    const seen = await stranger.open(`/clinic/login/${'x'.repeat(43)}`)
    expect(seen.status).toBe(404)
    expect(seen.text).toContain('This sign-in is over, or it was begun in another browser.')
    expect(seen.text).toContain('Go back to the app and start again.')
  })
})
