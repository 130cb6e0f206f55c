// A whole server: an organization's administrator sets up its provider over the management API, and people sign in.
import { decodeJwt } from 'jose'
import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appOf, ask } from '../oauth/app.ts'
import { Browser, type Seen } from '../oauth/browser.ts'
import { type Operator, type Reply, send, tokenOf } from '../server/client.ts'
import { type Deployment, publishedTxt, startDeployment } from '../server/deployment.ts'
import { itemsOf } from '../server/operations.ts'
import { addApp, addPerson, signInAs } from '../server/people.ts'
import { clientSecret, type HandMade, type Misbehaviour, startHandMade } from './upstream.ts'

const ana = 'ana@clinic.example'

let deployment: Deployment
let operator: Operator
let provider: HandMade
let ours: string
let theirs: string
let tokens: { readonly ours: string; readonly theirs: string; readonly viewer: string }
let connection: string
let config: client.Configuration
beforeAll(async () => {
  deployment = await startDeployment()
  operator = deployment.operator
  provider = await startHandMade()
  await operator.importClinic()
  ours = await operator.makeOrganization('Ours')
  theirs = await operator.makeOrganization('Theirs')
  const by = async (organizationId: string, role: string) =>
    tokenOf(operator.address, await operator.makeKey(organizationId, { service: 'latchkey', role }))
  tokens = {
    ours: await by(ours, 'organization-admin'),
    theirs: await by(theirs, 'organization-admin'),
    viewer: await by(ours, 'organization-viewer'),
  }
  const domain = (await call('POST', '/domains', { name: 'clinic.example' })).json
  publishedTxt.set(String(domain['txt_name']), String(domain['txt_value']))
  await call('POST', `/domains/${String(domain['id'])}/verify`)
  const made = await call('POST', '/connections', {
    ...{
      name: 'Clinic sign-in',
      issuer: provider.issuer,
      client_id: 'latchkey',
      client_secret: clientSecret,
    },
    mapping: { default_roles: [{ service: 'clinic', role: 'patients:read' }] },
  })
  connection = `/connections/${String(made.json['id'])}`
  const { id, secret } = await addApp(operator, theirs)
  // What `appOf` asks of a key is its id.
  const issued = { key: { id }, secret } as Parameters<typeof appOf>[1]
  config = await appOf({ issuer: `${operator.address}/clinic` }, issued)
}, 120_000)
afterAll(async () => {
  await deployment.stop()
  await provider.close()
})

/** As an administrator of ours, below our organization. */
const call = (method: string, path: string, body?: unknown, token = tokens.ours) =>
  send(operator.address, method, `/api/v1/organizations/${ours}${path}`, { token, body })
const events = async (type: string, organizationId: string, token: string) =>
  itemsOf(
    (
      await send(
        operator.address,
        'GET',
        `/api/v1/organizations/${organizationId}/audit-events?type=${type}`,
        {
          token,
        },
      )
    ).text,
  )

/** Where the provider sends a browser back to that was sent to this address. */
function backFrom(url: URL, misbehaviour: Misbehaviour = {}): URL {
  provider.will(misbehaviour)
  provider.expect(url.searchParams.get('nonce') ?? '')
  const back = new URL(url.searchParams.get('redirect_uri') ?? '')
  back.search = new URLSearchParams({ code: 'any', state: url.searchParams.get('state') ?? '' }).toString()
  return back
}

async function tested(misbehaviour: Misbehaviour = {}): Promise<{ page: Seen; back: URL; result: Reply }> {
  const begun = await call('POST', `${connection}/test`)
  const back = backFrom(new URL(String(begun.json['url'])), misbehaviour)
  const page = await new Browser(operator.address).open(back)
  return { page, back, result: await call('GET', `${connection}/test`) }
}

async function toProvider(browser = new Browser(operator.address)) {
  const { url, checks } = await ask(config)
  return { browser, checks, away: await browser.submit(await browser.open(url), { email: ana }) }
}

describe('before anybody is sent there', () => {
  test('a connection that was not tested cannot be made active', async () => {
    const refused = await call('POST', `${connection}/activate`, { enforcement: 'required' })
    expect([refused.status, refused.json['code']]).toEqual([409, 'connection_state'])
    // So its people are asked for a code, as everybody is.
    expect((await toProvider()).away.text).toContain('name="code"')
  })

  test('a test that fails says so to the browser, and why to the administrator alone', async () => {
    const { page, back, result } = await tested({ claims: (usual) => ({ ...usual, aud: 'another' }) })
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('does not work yet')])
    expect(page.text).not.toMatch(/claim|another/)
    expect(result.json).toMatchObject({
      ...{ state: 'failed', detail: expect.stringMatching(/claim aud/), fix: expect.any(String) },
    })
    expect((await call('POST', `${connection}/activate`)).json['code']).toBe('connection_state')
    const again = await new Browser(operator.address).open(back)
    expect([again.status, again.text]).toEqual([404, expect.stringContaining('over')])
  })

  test('a test that passes shows what the mapping would give, and lets nobody in', async () => {
    const { page, result } = await tested()
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('The connection works')])
    expect(page.text).not.toContain(ana)
    expect(page.headers.getSetCookie()).toEqual([])
    expect(result.json).toMatchObject({ state: 'passed', roles: [{ role: 'patients:read' }] })
    expect(result.text).not.toContain(ana)
    expect(itemsOf((await call('GET', '/users')).text)).toEqual([])
  })

  test('its result is read by the organization’s own administrators', async () => {
    const asOthers = [
      await call('GET', `${connection}/test`, undefined, tokens.theirs),
      await send(operator.address, 'GET', `/api/v1/organizations/${theirs}${connection}/test`, {
        token: tokens.theirs,
      }),
      await send(operator.address, 'GET', `/api/v1/organizations/${ours}${connection}/test`),
    ]
    for (const { status, text } of asOthers)
      expect([status, text]).toEqual([
        expect.toSatisfy((n) => [401, 403, 404].includes(n)),
        expect.not.stringContaining('passed'),
      ])
    expect((await call('POST', `${connection}/test`, undefined, tokens.viewer)).status).toBe(403)
    expect((await call('GET', `${connection}/test`)).json['state']).toBe('passed')
  })
})

describe('once it is active and required', () => {
  test('people come in through it, with the role of its mapping, and the trail tells why they were sent there', async () => {
    await addPerson(operator, ours, 'old@clinic.example')
    const active = await call('POST', `${connection}/activate`, { enforcement: 'required' })
    expect(active.json).toMatchObject({ state: 'active', enforcement: 'required' })
    const { browser, checks, away } = await toProvider()
    const consent = await browser.open(backFrom(away.url))
    const { url } = await browser.submit(consent, { decision: 'allow' })
    const { access_token: token } = await client.authorizationCodeGrant(config, url, checks)
    expect(decodeJwt(token)).toMatchObject({ org_id: ours, roles: ['patients:read'], scope: 'patients:read' })
    const [routed] = await events('person.routed', ours, tokens.ours)
    expect(routed).toMatchObject({ details: { reason: 'email' } })
    expect(await events('person.routed', theirs, tokens.theirs)).toEqual([])
    expect(itemsOf((await call('GET', '/users')).text)).toContainEqual(
      expect.objectContaining({ email: ana, state: 'active' }),
    )
  })

  test('a password leads in no longer, in a sign-in that was begun before', async () => {
    await call('POST', `${connection}/disable`)
    const browser = new Browser(operator.address)
    const { url } = await ask(config)
    const email = 'old@clinic.example'
    const code = await browser.submit(await browser.open(url), { email })
    expect(code.text).toContain('name="code"')
    const other = new Browser(operator.address)
    const begun = await other.open((await ask(config)).url)
    expect((await signInAs(operator, other, begun, email)).text).toContain('name="decision"')
    await call('POST', `${connection}/activate`, { enforcement: 'required' })
    const away = await new Browser(operator.address).open(
      (await ask(config, { more: { login_hint: email } })).url,
    )
    expect(away.url.origin).toBe(provider.issuer)
  })

  test('who is refused has a number, by which our administrator finds the reason, and nobody else', async () => {
    const { browser, away } = await toProvider()
    const refused = await browser.open(
      backFrom(away.url, { claims: (usual) => ({ ...usual, email: 'boss@theirs.example' }) }),
    )
    expect(refused.status).toBe(403)
    const [event] = await events('person.refused', ours, tokens.ours)
    expect(event).toMatchObject({
      details: { reason: expect.stringContaining('theirs.example'), email: 'boss@theirs.example' },
    })
    const { request_id: number } = { ...(event?.['by'] as object) } as { request_id?: string }
    expect(refused.text).toContain(number)
    expect(await events('person.refused', theirs, tokens.theirs)).toEqual([])
    expect(await events('person.refused', ours, tokens.viewer)).toHaveLength(1)
  })
})
