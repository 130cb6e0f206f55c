import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appOf, ask } from '../oauth/app.ts'
import { Browser } from '../oauth/browser.ts'
import { type Key, type Operator, send, tokenOf } from '../server/client.ts'
import { type Deployment, startDeployment } from '../server/deployment.ts'
import { itemsOf } from '../server/operations.ts'
import { addApp, addPerson, signInAs } from '../server/people.ts'

const [ann, bob] = ['ann@ours.example', 'bob@ours.example']

let deployment: Deployment
let operator: Operator
let ours: string
let theirs: string
let app: client.Configuration
let users: { readonly ann: string; readonly bob: string }
/** Administrators' tokens, and that of somebody who may only look. */
let tokens: { readonly ours: string; readonly theirs: string; readonly viewer: string }
beforeAll(async () => {
  deployment = await startDeployment()
  operator = deployment.operator
  await operator.importClinic()
  ours = await operator.makeOrganization('Ours')
  theirs = await operator.makeOrganization('Theirs')
  app = await appOf({ issuer: `${operator.address}/clinic` }, issued(await addApp(operator, theirs)))
  const by = async (organizationId: string, role: string) =>
    tokenOf(operator.address, await operator.makeKey(organizationId, { service: 'latchkey', role }))
  tokens = {
    ours: await by(ours, 'organization-admin'),
    theirs: await by(theirs, 'organization-admin'),
    viewer: await by(ours, 'organization-viewer'),
  }
  users = { ann: (await addPerson(operator, ours, ann)).id, bob: (await addPerson(operator, ours, bob)).id }
}, 120_000)
afterAll(() => deployment.stop())

function issued({ id, secret }: Key) {
  // What `appOf` asks of a key is its id.
  return { key: { id }, secret } as Parameters<typeof appOf>[1]
}

async function consented(email: string) {
  const browser = new Browser(operator.address)
  const { url, checks } = await ask(app, {
    scope: 'openid offline_access patients:read',
    more: { prompt: 'consent' },
  })
  const page = await signInAs(operator, browser, await browser.open(url), email)
  const { url: back } = await browser.submit(page, { decision: 'allow' })
  return { browser, tokens: await client.authorizationCodeGrant(app, back, checks) }
}

const call = (token: string, method: string, path: string, body?: unknown) =>
  send(operator.address, method, `/api/v1${path}`, { token, body })
const consentsOf = async (organizationId: string, token: string, query = '') =>
  itemsOf((await call(token, 'GET', `/organizations/${organizationId}/consents${query}`)).text)
const refreshed = (bought: { readonly refresh_token?: string }) =>
  client.refreshTokenGrant(app, bought.refresh_token ?? '').then(
    () => 'granted',
    (error: client.ResponseBodyError) => error.error,
  )

describe('what people let apps do', () => {
  test('is listed and ended by an administrator of their organization, and of no other', async () => {
    const { tokens: bought } = await consented(ann)
    const [consent, ...others] = await consentsOf(ours, tokens.ours)
    expect(others).toEqual([])
    expect(consent).toMatchObject({
      ...{ user_id: users.ann, client_id: app.clientMetadata().client_id, remembered: true },
      scopes: expect.arrayContaining(['patients:read']),
    })
    const one = `/consents/${String(consent?.['id'])}`
    // The app is theirs; the person is not.
    expect(await consentsOf(theirs, tokens.theirs)).toEqual([])
    const stranger = await call(tokens.theirs, 'DELETE', `/organizations/${theirs}${one}`)
    const unknown = await call(
      tokens.theirs,
      'DELETE',
      `/organizations/${theirs}/consents/gra_00000000000000000000000000`,
    )
    expect([stranger.status, stranger.json['code']]).toEqual([unknown.status, unknown.json['code']])
    expect(stranger.status).toBe(404)
    const across = await call(tokens.theirs, 'GET', `/organizations/${ours}/consents`)
    expect([403, 404]).toContain(across.status)
    expect(across.text).not.toContain(users.ann)
    expect((await call(tokens.viewer, 'DELETE', `/organizations/${ours}${one}`)).status).toBe(403)
    expect(await consentsOf(ours, tokens.viewer)).toHaveLength(1)

    expect(await refreshed(bought)).toBe('granted')
    expect((await call(tokens.ours, 'DELETE', `/organizations/${ours}${one}`)).status).toBe(204)
    expect(await consentsOf(ours, tokens.ours)).toEqual([])
    expect(await refreshed(bought)).toBe('invalid_grant')
    expect(await client.tokenIntrospection(app, bought.access_token)).toMatchObject({ active: false })
    expect((await call(tokens.ours, 'DELETE', `/organizations/${ours}${one}`)).status).toBe(404)
  })

  test('is listed by person and by app, not by both', async () => {
    await consented(ann)
    await consented(bob)
    const ofBob = await consentsOf(ours, tokens.ours, `?user=${users.bob}`)
    expect(ofBob).toMatchObject([{ user_id: users.bob }])
    const clientId = app.clientMetadata().client_id
    expect(await consentsOf(ours, tokens.ours, `?client_id=${clientId}`)).toHaveLength(2)
    expect(await consentsOf(ours, tokens.ours, '?client_id=nobody')).toEqual([])
    const both = `/organizations/${ours}/consents?user=${users.bob}&client_id=x`
    expect((await call(tokens.ours, 'GET', both)).status).toBe(400)
  })

  test('is taken back by the person, on a page of their own', async () => {
    const { browser, tokens: bought } = await consented(bob)
    const page = await browser.open('/clinic/login')
    const id = /name="consent" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const { text } = await browser.submit(page, { consent: id })
    expect(text).not.toContain('name="consent"')
    expect(await refreshed(bought)).toBe('invalid_grant')
    expect(await consentsOf(ours, tokens.ours, `?user=${users.bob}`)).toEqual([])
  })

  test('cannot be taken back for somebody else', async () => {
    await consented(ann)
    const { browser } = await consented(bob)
    const [anns] = await consentsOf(ours, tokens.ours, `?user=${users.ann}`)
    await browser.submit(await browser.open('/clinic/login'), { consent: String(anns?.['id']) })
    expect(await consentsOf(ours, tokens.ours, `?user=${users.ann}`)).toHaveLength(1)
  })

  test('goes with the person', async () => {
    const email = 'eve@ours.example'
    const { id: eve } = await addPerson(operator, ours, email)
    const { tokens: bought } = await consented(email)
    expect(await consentsOf(ours, tokens.ours, `?user=${eve}`)).toHaveLength(1)
    expect((await call(tokens.ours, 'DELETE', `/organizations/${ours}/users/${eve}`)).status).toBe(204)
    expect(await consentsOf(ours, tokens.ours, `?user=${eve}`)).toEqual([])
    expect(await refreshed(bought)).toBe('invalid_grant')
    const trail = await call(
      tokens.ours,
      'GET',
      `/organizations/${ours}/audit-events?type=consent.ended&limit=1`,
    )
    expect(itemsOf(trail.text)).toMatchObject([{ details: { user_id: eve, reason: 'user_gone' } }])
  })

  test('which apps, the organization decides, and no other', async () => {
    const path = `/organizations/${ours}/apps`
    expect((await call(tokens.theirs, 'PATCH', path, { mode: 'all' })).status).toBeGreaterThanOrEqual(403)
    expect((await call(tokens.viewer, 'PATCH', path, { mode: 'all' })).status).toBe(403)
    expect((await call(tokens.ours, 'PATCH', path, { mode: 'some' })).status).toBe(400)
    expect((await call(tokens.ours, 'PATCH', path, { mode: 'ask' })).status).toBe(200)
    const browser = new Browser(operator.address)
    const { url } = await ask(app)
    const page = await signInAs(operator, browser, await browser.open(url), bob)
    expect(page.text).toContain('Ours has to approve this app')
    const asked = await call(tokens.ours, 'GET', `/organizations/${ours}/audit-events?type=app.requested`)
    expect(itemsOf(asked.text)).toMatchObject([{ by: { id: users.bob } }])
    const clientId = app.clientMetadata().client_id
    expect((await call(tokens.ours, 'PATCH', path, { approved: [clientId] })).status).toBe(200)
    expect((await browser.open(page.url)).text).toContain('name="decision"')
  })
})
