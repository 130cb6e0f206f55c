import { connect } from 'node:net'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls'
import { decodeJwt } from 'jose'
import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Browser } from '../../examples/clinic/demo/browser.ts'
import { selfSigned } from '../connections/web-server.ts'
import type { Key } from '../server/client.ts'
import { freePort } from '../server/deployment.ts'
import { noApache, startApache } from './apache.ts'
import { type Clinic, startClinic } from './clinic.ts'

/** Latchkey behind TLS: where the module looks after bearer tokens, it asks over TLS alone. */
function inTls(origin: string): TlsServer {
  const port = Number(new URL(origin).port)
  return createTlsServer(selfSigned('localhost'), (socket) => {
    const onward = connect(port, '127.0.0.1')
    for (const end of [socket, onward]) end.on('error', () => [socket, onward].map((one) => one.destroy()))
    socket.pipe(onward).pipe(socket)
  })
}
const tlsSettings = ['OIDCSSLValidateServer Off', 'OIDCOAuthSSLValidateServer Off']

const shows = (name: string) => `${name}=<!--#echo var="${name}" -->;`

describe.skipIf(noApache !== undefined)('Apache’s mod_auth_openidc', () => {
  let clinic: Clinic
  let apache: Awaited<ReturnType<typeof startApache>>
  let site: string
  /** Checks JWTs by the published keys; and by asking Latchkey. */
  let api: { readonly byKeys: string; readonly byAsking: string }
  let machine: Key
  let tls: TlsServer
  beforeAll(async () => {
    clinic = await startClinic()
    const { issuer, operator, organization } = clinic
    const ports = [await freePort(), await freePort(), await freePort(), await freePort()] as const
    const [atSite, byKeys, byAsking] = ports.map((port) => `http://127.0.0.1:${port}`)
    site = String(atSite)
    api = { byKeys: String(byKeys), byAsking: String(byAsking) }
    const callback = `${site}/secure/callback`
    const app = await clinic.makeApp('Intranet', {
      redirect_uris: [callback],
      post_logout_redirect_uris: [`${site}/`],
      backchannel_logout_uri: `${callback}?logout=backchannel`,
    })
    const guardKey = await operator.makeGuardKey()
    machine = await operator.makeKey(organization, { role: 'patients:read' })
    const overTls = `https://127.0.0.1:${ports[3]}/clinic`
    tls = inTls(clinic.origin).listen(ports[3], '127.0.0.1')
    const passphrase = 'OIDCCryptoPassphrase for-tests-alone'
    apache = await startApache([
      {
        ...{ port: ports[0], authType: 'openid-connect', require: 'valid-user' },
        settings: [
          passphrase,
          `OIDCProviderMetadataURL ${issuer}/.well-known/openid-configuration`,
          `OIDCRedirectURI ${callback}`,
          `OIDCClientID ${app.id}`,
          `OIDCClientSecret ${app.secret}`,
          'OIDCScope "openid email profile"',
          'OIDCPKCEMethod S256',
          'OIDCRemoteUserClaim email',
          // The person's browser here is a fetch, which calls itself one (`Sec-Fetch-Mode`).
          'OIDCUnAuthAction 401 "%{HTTP_ACCEPT} !~ m#text/html#"',
        ],
        page: ['REMOTE_USER', 'OIDC_CLAIM_sub', 'OIDC_CLAIM_name', 'OIDC_CLAIM_email'].map(shows).join('\n'),
      },
      {
        ...{ port: ports[1], authType: 'oauth20', require: `claim org_id:${organization}` },
        settings: [
          passphrase,
          ...tlsSettings,
          `OIDCOAuthVerifyJwksUri ${overTls}/oauth/jwks`,
          'OIDCOAuthRemoteUserClaim sub',
        ],
        page: shows('REMOTE_USER'),
      },
      {
        ...{ port: ports[2], authType: 'oauth20', require: `claim org_id:${organization}` },
        settings: [
          passphrase,
          ...tlsSettings,
          `OIDCOAuthIntrospectionEndpoint ${overTls}/oauth/introspect`,
          'OIDCOAuthIntrospectionEndpointAuth client_secret_basic',
          `OIDCOAuthClientID ${guardKey.id}`,
          `OIDCOAuthClientSecret ${guardKey.secret}`,
          'OIDCOAuthRemoteUserClaim sub',
        ],
        page: shows('REMOTE_USER'),
      },
    ])
  })
  afterAll(async () => {
    await apache?.stop()
    await clinic?.stop()
    tls?.close()
  })

  const signedIn = async (person: Browser) => {
    const consent = await clinic.signIn(person, await person.open(`${site}/secure/`))
    return consent.buttons.includes('Allow') ? person.press(consent, 'Allow') : consent
  }

  test('signs a person in, and the page behind it knows who they are', async () => {
    const page = await signedIn(new Browser())
    expect(page).toMatchObject({ status: 200, url: `${site}/secure/` })
    for (const said of [
      'REMOTE_USER=ines@harbour-street.example;',
      `OIDC_CLAIM_sub=${clinic.ines};`,
      'OIDC_CLAIM_name=Ines Falk;',
    ])
      expect(page.text).toContain(said)
  })

  test('signing out there ends the session here, and leads back', async () => {
    const person = new Browser()
    await signedIn(person)
    const asked = await person.open(`${site}/secure/callback?logout=${encodeURIComponent(`${site}/`)}`)
    expect(asked.text).toContain('Intranet')
    const back = await person.press(asked, 'Sign out')
    expect([back.url, back.text]).toEqual([`${site}/`, 'Everybody sees this.'])
    expect((await person.open(`${site}/secure/`)).fields).toContain('email')
  })

  test('is told when a person signs out elsewhere (Back-Channel Logout 1.0)', async () => {
    const person = new Browser()
    await signedIn(person)
    expect((await person.open(`${site}/secure/`)).text).toContain('REMOTE_USER=ines')
    await person.press(await person.open(`${clinic.issuer}/oauth/logout`), 'Sign out')
    // Apps are told once the person has their answer.
    const askedAnew = async () =>
      expect(new URL((await person.open(`${site}/secure/`)).url).origin).toBe(clinic.origin)
    await vi.waitFor(askedAnew, { timeout: 10_000, interval: 200 })
  })

  const callWith = async (origin: string, token: string) => {
    const answer = await fetch(`${origin}/secure/`, { headers: { authorization: `Bearer ${token}` } })
    return [answer.status, await answer.text()]
  }
  const tokenOf = async ({ id, secret }: Key) => {
    const options = { execute: [client.allowInsecureRequests] }
    const config = await client.discovery(new URL(clinic.issuer), id, secret, undefined, options)
    return { config, token: (await client.clientCredentialsGrant(config)).access_token }
  }

  test('lets a machine’s token in by the published keys, and none that is forged', async () => {
    const { token } = await tokenOf(machine)
    expect(await callWith(api.byKeys, token)).toEqual([200, `REMOTE_USER=${machine.id};`])
    expect((await callWith(api.byKeys, `${token.slice(0, -6)}AAAAAA`))[0]).toBe(401)
    expect(decodeJwt(token)['org_id']).toBe(clinic.organization)
  })

  test('lets one in by asking for it (RFC 7662), and none that was revoked', async () => {
    const { config, token } = await tokenOf(machine)
    expect(await callWith(api.byAsking, token)).toEqual([200, `REMOTE_USER=${machine.id};`])
    const other = (await client.clientCredentialsGrant(config)).access_token
    await client.tokenRevocation(config, other)
    expect((await callWith(api.byAsking, other))[0]).toBe(401)
  })

  test('keeps another organization’s token out by its claim', async () => {
    const { operator } = clinic
    const other = await operator.makeKey(await operator.makeOrganization(), { role: 'patients:read' })
    const { token } = await tokenOf(other)
    for (const origin of [api.byKeys, api.byAsking]) expect((await callWith(origin, token))[0]).not.toBe(200)
  })
})
