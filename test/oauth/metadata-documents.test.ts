import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { decodeJwt, exportJWK, generateKeyPair } from 'jose'
import * as client from 'openid-client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { guardedFetch } from '../../src/connections/guarded-fetch.ts'
import { appPolicies } from '../../src/consents/app-policy.ts'
import type { OrganizationId } from '../../src/ids.ts'
import { tokenEntriesOfClientMax } from '../../src/oauth/revoke-token.ts'
import { revoke } from '../../src/revocations/revocation.ts'
import { services } from '../../src/services/service.ts'
import { appUri, ask, signIn } from './app.ts'
import { Browser } from './browser.ts'
import { newId, startWorld, type World } from './fixture.ts'

const address = 'https://app.example/oauth-client.json'
const options = { execute: [client.allowInsecureRequests] }

let world: World
let fetched: string[]
let documents: Map<string, unknown>
let answers: Map<string, () => Response>
beforeEach(async () => {
  fetched = []
  documents = new Map()
  answers = new Map()
  const outgoing: typeof fetch = async (input) => {
    const url = String(input instanceof Request ? input.url : input)
    fetched.push(url)
    const answer = answers.get(url)
    if (answer !== undefined) return answer()
    const document = documents.get(url)
    return document === undefined
      ? new Response('nothing here', { status: 404 })
      : new Response(typeof document === 'string' ? document : JSON.stringify(document))
  }
  world = await startWorld({ outgoing, quotas: { registrations: { requests: 50, windowSeconds: 60 } } })
  await world.change(services, world.service, { signIn: { clientIdMetadataDocuments: true } })
  await world.addUser()
})
afterEach(async () => {
  vi.useRealTimers()
  await world.stop()
})

const document = (more: object = {}) => ({
  client_id: address,
  client_name: 'Notes',
  redirect_uris: [appUri],
  token_endpoint_auth_method: 'none',
  ...more,
})
const appAt = (url = address, authentication = client.None()) =>
  client.discovery(new URL(world.issuer), url, undefined, authentication, { ...options, algorithm: 'oauth2' })

async function open(url = address) {
  const config = await appAt(url)
  return new Browser(world.origin).open((await ask(config)).url)
}

/** A person lets the app act for them. */
async function allowed() {
  documents.set(address, document())
  const config = await appAt()
  const { id } = world.organization
  const policy = { id, organizationId: id, version: 1, mode: 'all', approved: [] } as const
  await world.add(appPolicies, { ...policy, unverified: 'allow' })
  const browser = new Browser(world.origin)
  const { url, checks } = await ask(config)
  const consent = await signIn(browser, await browser.open(url))
  const { url: back } = await browser.submit(consent, { decision: 'allow' })
  return { config, consent, tokens: await client.authorizationCodeGrant(config, back, checks) }
}

describe('an app that is a document at its address (OAuth Client ID Metadata Document)', () => {
  test('gets a token with nothing set up by hand, and is shown as unverified, with its host', async () => {
    const { config, consent, tokens } = await allowed()
    expect(config.serverMetadata()['client_id_metadata_document_supported']).toBe(true)
    for (const words of ['Notes', 'app.example']) expect(consent.text).toContain(words)
    const claims = decodeJwt(tokens.access_token)
    expect(claims).toMatchObject({
      client_id: address,
      org_id: world.organization.id,
      scope: 'patients:read',
    })
    await client.tokenRevocation(config, tokens.access_token)
    expect((await client.tokenIntrospection(config, tokens.access_token)).active).toBe(false)
    expect((await client.refreshTokenGrant(config, tokens.refresh_token ?? '')).access_token).toBeDefined()
    expect(fetched).toEqual([address])
  })

  test('ends so many tokens of one organization, and no more: every guard has to remember each', async () => {
    const { config, tokens } = await allowed()
    const { ofClient } = world.deps.endedTokens
    const endMany = async (organizationId: OrganizationId, count: number) => {
      const known = ofClient(address).length
      const by = { kind: 'system', id: address, organizationId, requestId: 'req_1' } as const
      const entries = Array.from({ length: count }, (_, i) => {
        const ended = { kind: 'jti', jti: `jti-${i}`, clientId: address } as const
        return revoke(newId, Date.now(), { organizationId, serviceId: world.service.id, ended })
      })
      await world.deps.commit({ type: 'token.revoked', organizationId, target: address, by }, entries)
      await expect.poll(() => ofClient(address).length).toBe(known + count)
    }
    await endMany(newId('org'), tokenEntriesOfClientMax)
    await endMany(world.organization.id, tokenEntriesOfClientMax - 1)
    await client.tokenRevocation(config, tokens.access_token)
    const { access_token: another } = await client.refreshTokenGrant(config, tokens.refresh_token ?? '')
    await expect.poll(() => ofClient(address).length).toBe(2 * tokenEntriesOfClientMax)
    const form = new URLSearchParams({ token: another, client_id: address })
    const refused = await fetch(`${world.issuer}/oauth/revoke`, { method: 'POST', body: form })
    expect([refused.status, refused.headers.has('retry-after')]).toEqual([503, true])
    expect((await client.tokenIntrospection(config, another)).active).toBe(true)
  })

  test('proves itself by keys that the document has', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }] }
    documents.set(address, document({ token_endpoint_auth_method: 'private_key_jwt', jwks }))
    const config = await appAt(address, client.PrivateKeyJwt({ key: privateKey, kid: 'k' }))
    expect((await client.tokenIntrospection(config, 'x')).active).toBe(false)
    const stranger = await appAt(address, client.PrivateKeyJwt((await generateKeyPair('ES256')).privateKey))
    await expect(client.tokenIntrospection(stranger, 'x')).rejects.toMatchObject({ error: 'invalid_client' })
  })

  test.each<[string, unknown]>([
    ['is of another address', document({ client_id: 'https://evil.example/client.json' })],
    ['says nothing of its address', document({ client_id: undefined })],
    ['has a secret', document({ client_secret: 'x' })],
    ['uses a shared secret', document({ token_endpoint_auth_method: 'client_secret_basic' })],
    ['asks for client credentials', document({ grant_types: ['client_credentials'] })],
    ['asks for a scope that there is not', document({ scope: 'admin' })],
    ['goes back over plain http', document({ redirect_uris: ['http://app.example/'] })],
    ['has no redirect URI', document({ redirect_uris: undefined })],
    ['is no object', '[]'],
    ['is no JSON', '<html>'],
    ['is too long', document({ client_uri: `https://app.example/${'x'.repeat(6_000)}` })],
  ])('a document that %s makes no client', async (_what, text) => {
    documents.set(address, text)
    const page = await open()
    expect([page.status, page.url.origin]).toEqual([400, world.origin])
    expect(world.faults).toEqual([])
  })

  test.each([
    'http://app.example/client.json',
    'https://user@app.example/client.json',
    'https://app.example/../client.json',
    'https://app.example/client.json#x',
    'https://',
    'ftp://app.example/client.json',
    'https://app.example/a\\b',
  ])('%s is no address of a client, and is not fetched', async (url) => {
    expect((await open(url)).status).toBe(400)
    expect(fetched).toEqual([])
  })

  test('a document is fetched once for as long as it is good, and one that is not there is refused', async () => {
    documents.set(address, document())
    for (let i = 0; i < 3; i++) expect((await open()).status).toBe(200)
    expect(fetched).toEqual([address])
    expect((await open('https://app.example/gone.json')).status).toBe(400)
  })

  test('a document that has moved is none: redirects are not followed', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      answers.set(address, () => new Response(null, { status, headers: { location: 'https://10.0.0.1/' } }))
      expect((await open()).status).toBe(400)
    }
    expect(new Set(fetched)).toEqual(new Set([address]))
  })

  test('a document that has changed is read again after its time, and is another app then', async () => {
    documents.set(address, document())
    const { id } = world.organization
    const policy = { id, organizationId: id, version: 1, mode: 'all', approved: [] } as const
    await world.add(appPolicies, { ...policy, unverified: 'allow' })
    const config = await appAt()
    const browser = new Browser(world.origin)
    const consent = await signIn(browser, await browser.open((await ask(config)).url))
    expect((await browser.submit(consent, { decision: 'allow' })).url.searchParams.has('code')).toBe(true)
    documents.set(
      address,
      document({ client_name: 'Your bank', redirect_uris: [appUri, 'https://evil.example/'] }),
    )
    const again = await browser.open((await ask(config)).url)
    expect(again.url.searchParams.has('code')).toBe(true)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 301_000 })
    const page = await browser.open((await ask(config)).url)
    expect(page.text).toContain('Your bank')
    expect(page.text).toContain('name="decision"')
  })

  test('a document cannot say that it is good for longer than a day, or for less than five minutes', async () => {
    const said = (value: string) => () => Response.json(document(), { headers: { 'cache-control': value } })
    answers.set(address, said('max-age=31536000'))
    await open()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 86_401_000 })
    answers.set(address, said('no-store, max-age=0'))
    await open()
    await open()
    expect(fetched).toEqual([address, address])
  })

  test('a document at a private address is never fetched, however the address is written', async () => {
    let connections = 0
    const inside = createServer((socket) => {
      connections += 1
      socket.destroy()
    }).listen(0, '127.0.0.1')
    await once(inside, 'listening')
    const { port } = inside.address() as AddressInfo
    const strict = await startWorld({ outgoing: guardedFetch() })
    try {
      await strict.change(services, strict.service, { signIn: { clientIdMetadataDocuments: true } })
      for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:7f00:1]', '2130706433', '0x7f.1']) {
        const query = new URLSearchParams({
          client_id: `https://${host}:${port}/c.json`,
          response_type: 'code',
        })
        const response = await fetch(`${strict.issuer}/oauth/authorize?${query}`)
        expect([response.status, await response.text()]).toEqual([400, expect.not.stringContaining('ECONN')])
      }
      expect([connections, strict.faults]).toEqual([0, []])
    } finally {
      inside.close()
      await strict.stop()
    }
  })

  test('is not known, and not fetched, where the service does not take them', async () => {
    await world.addService({ slug: 'library' })
    documents.set(address, document())
    const response = await fetch(
      `${world.origin}/library/oauth/authorize?client_id=${encodeURIComponent(address)}&response_type=code`,
    )
    expect(response.status).toBe(400)
    expect(fetched).toEqual([])
  })

  test('fetching is limited for each address that asks for it', async () => {
    const statuses = new Set<number>()
    for (let i = 0; i < 51; i++) statuses.add((await open(`https://app.example/${i}.json`)).status)
    expect([...statuses]).toEqual([400, 429])
    expect(fetched).toHaveLength(50)
  })
})
