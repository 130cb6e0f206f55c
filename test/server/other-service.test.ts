import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeSecret } from '../../src/client-keys/secret-format.ts'
import { appUri, ask } from '../oauth/app.ts'
import { Browser } from '../oauth/browser.ts'
import { askToken, type Key, type Reply, send } from './client.ts'
import { type Deployment, machineLogging, startDeployment } from './deployment.ts'
import { addApp, buyCode, linkIn, newestMail, openLink, redeem, refresh } from './people.ts'

const { random: randomBytes, newId } = machineLogging([])

type Slug = 'clinic' | 'desk'

/** Something that lets its bearer in at the clinic. */
interface Bearer {
  readonly value: string
  /** Of the same form, and known nowhere. */
  readonly unknown: string
  /** What the service answers to it. */
  present(slug: Slug, value: string): Promise<Reply>
  /** Of what the clinic says to it, if it is good there. */
  readonly good: RegExp
}

const names = [
  'a session cookie under its own name',
  'a session cookie under the name that the other service has',
  'the cookie of a sign-in',
  'a code',
  'a refresh token',
  'a device code',
  'a user code',
  'the URI of a pushed request',
  'a registration access token',
  'the registration access token of another app',
  'an initial access token',
  'an opaque access token at userinfo',
  'an opaque access token that is introspected',
  'an access token that is introspected',
  'a refresh token that is introspected',
  'a client secret',
] as const

let deployment: Deployment
let bearers: Readonly<Record<(typeof names)[number], Bearer>>
beforeAll(async () => {
  deployment = await startDeployment()
  bearers = await obtain(deployment)
}, 60_000)
afterAll(() => deployment?.stop())

describe('what lets its bearer in at one service', () => {
  test.each(names)('%s is answered at another as one that is known nowhere', async (name) => {
    const { value, unknown, present, good } = bearers[name]
    expect(said(await present('desk', value), value)).toEqual(said(await present('desk', unknown), unknown))
    // Nor has it been used up, or ended.
    expect(JSON.stringify(said(await present('clinic', value), ''))).toMatch(good)
  })

  test.each([
    ['an opaque access token', 'an opaque access token that is introspected'],
    ['an access token', 'an access token that is introspected'],
    ['a refresh token', 'a refresh token that is introspected'],
  ] as const)('%s is not ended by being revoked at another', async (_what, name) => {
    const { value, present, good } = bearers[name]
    expect((await post('desk', 'revoke', { token: value })).status).toBe(200)
    expect(JSON.stringify(said(await present('clinic', value), ''))).toMatch(good)
  })
})

let apps: Readonly<Record<Slug, Key>>

function post(slug: Slug, endpoint: string, fields: Readonly<Record<string, string>>): Promise<Reply> {
  const { id, secret } = apps[slug]
  return send(deployment.address, 'POST', `/${slug}/oauth/${endpoint}`, {
    body: new URLSearchParams(fields).toString(),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${btoa(`${id}:${secret}`)}`,
    },
  })
}

/** All of an answer, but for what was sent, and what is of chance or of the moment in each. */
function said({ status, headers, text }: Reply, sent: string) {
  const plain = (all: string) =>
    (sent === '' ? all : all.replaceAll(sent, '…'))
      .replaceAll(/\.sig=[\w-]+/g, '.sig=…')
      .replaceAll(/(?<=name="[cx]srf" value=")\w+/g, '…')
      .replaceAll(/expires=[^;]+/gi, 'expires=…')
      .replaceAll(/req_[\w-]+/g, 'req_…')
      .replaceAll(/[\w-]{43}(?![\w-])/g, '…')
  const told = [...headers].filter(([name]) => !['date', 'content-length'].includes(name))
  return { status, headers: told.map(([name, value]) => [name, plain(value)]), text: plain(text) }
}

const random = () => Buffer.from(randomBytes(32)).toString('base64url')

async function obtain({ address, operator }: Deployment): Promise<typeof bearers> {
  const email = 'ann@north.example'
  for (const slug of ['clinic', 'desk']) {
    await operator.importClinic(slug)
    await operator.do('PATCH', `/services/${slug}/sign-in`, { registration: 'initial_access_token' })
  }
  const ours = await operator.makeOrganization()
  apps = { clinic: await addApp(operator, ours), desk: await addApp(operator, ours, { service: 'desk' }) }
  const roles = ['clinic', 'desk'].map((service) => ({ service, role: 'patients:read' }))
  await operator.do('POST', `/organizations/${ours}/users`, { email, roles })
  await openLink(operator, linkIn(await newestMail(operator, email)))

  const browser = new Browser(address)
  const scope = 'openid offline_access patients:read'
  const code = await buyCode(operator, apps.clinic, { email }, { browser, scope })
  const tokensOf = async (more: string) =>
    (
      await redeem(
        address,
        apps.clinic,
        await buyCode(operator, apps.clinic, { email }, { browser, scope: more }),
      )
    ).json
  const [full, identity] = [await tokensOf(scope), await tokensOf('openid')]
  const [accessToken, refreshToken] = [String(full['access_token']), String(full['refresh_token'])]
  const opaque = String(identity['access_token'])
  const cookieOf = (name: string) =>
    browser.jar
      .getCookieStringSync(`${address}/clinic/login`)
      .split('; ')
      .find((one) => one.startsWith(`${name}=`))
      ?.slice(name.length + 1) ?? ''
  const session = `${cookieOf('latchkey_session_clinic')} ${cookieOf('latchkey_session_clinic.sig')}`
  const login = (slug: Slug, name: string, value: string, path = '') => {
    const [id = '', signature = ''] = value.split(' ')
    const cookie = `${name}=${id}; ${name}.sig=${signature}`
    return send(address, 'GET', `/${slug}/login${path}`, { headers: { cookie } })
  }
  const begun = await send(address, 'GET', '/clinic/login')
  const begunCookie = begun.headers.getSetCookie().join('\n')
  const signIn = [/_clinic=([\w-]+)/, /_clinic\.sig=([\w-]+)/].map((one) => one.exec(begunCookie)?.[1])

  const device = (await post('clinic', 'device', { scope })).json
  const { parameters } = await ask(await configOf(address), { scope })
  const request = { response_type: 'code', client_id: apps.clinic.id, ...parameters }
  const pushed = (await post('clinic', 'par', request)).json
  const requestUri = String(pushed['request_uri'])
  const initial = {
    clinic: await initialAccessToken(deployment, 'clinic'),
    desk: await initialAccessToken(deployment, 'desk'),
  }
  const register = (slug: Slug, token: string) =>
    send(address, 'POST', `/${slug}/oauth/register`, {
      token,
      body: { client_name: 'Notes', redirect_uris: [appUri] },
    })
  const [clinics, desks] = [
    (await register('clinic', initial.clinic)).json,
    (await register('desk', initial.desk)).json,
  ]
  const manage = (slug: Slug, id: unknown, token: string) =>
    send(address, 'GET', `/${slug}/oauth/register/${String(id)}`, { token })
  const strangerId = newId('key')
  const introspect = (slug: Slug, token: string) => post(slug, 'introspect', { token })
  const unknown = random()
  const active = /\\"active\\":true/
  return {
    'a session cookie under its own name': {
      ...{ value: session, unknown: `${unknown} ${unknown.slice(0, 27)}`, good: /ann@north\.example/ },
      present: (slug, value) => login(slug, 'latchkey_session_clinic', value),
    },
    'a session cookie under the name that the other service has': {
      ...{ value: session, unknown: `${unknown} ${unknown.slice(0, 27)}`, good: /ann@north\.example/ },
      present: (slug, value) => login(slug, `latchkey_session_${slug}`, value),
    },
    'the cookie of a sign-in': {
      ...{
        value: signIn.join(' '),
        unknown: `${unknown} ${unknown.slice(0, 27)}`,
        good: /Redirecting to \/clinic\/login\//,
      },
      present: (slug, value) => login(slug, `latchkey_interaction_${slug}`, value, `/${value.split(' ')[0]}`),
    },
    'a code': {
      ...{ value: code.code, unknown, good: /access_token/ },
      present: (slug, value) => redeem(address, apps[slug], { ...code, code: value }, slug),
    },
    'a refresh token': {
      ...{ value: refreshToken, unknown, good: /access_token/ },
      present: (slug, value) => refresh(address, apps[slug], value, slug),
    },
    'a device code': {
      ...{ value: String(device['device_code']), unknown, good: /authorization_pending/ },
      present: (slug, value) =>
        post(slug, 'token', {
          grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
          device_code: value,
        }),
    },
    'a user code': {
      ...{ value: String(device['user_code']), unknown: 'BBBB-BBBB', good: /Is this your device\?/ },
      present: async (slug, value) => {
        const own = new Browser(address)
        const seen = await own.submit(await own.open(`/${slug}/device`), { user_code: value })
        return { ...seen, json: {} }
      },
    },
    'the URI of a pushed request': {
      value: requestUri,
      unknown: `${requestUri.slice(0, -unknown.length)}${unknown}`,
      good: /\/clinic\/login\//,
      present: (slug, value) => {
        const query = new URLSearchParams({ client_id: apps[slug].id, request_uri: value })
        return send(address, 'GET', `/${slug}/oauth/authorize?${query}`)
      },
    },
    'a registration access token': {
      ...{ value: `${clinics['client_id']} ${clinics['registration_access_token']}`, good: /client_name/ },
      unknown: `${newId('app')} ${unknown}`,
      present: (slug, value) => manage(slug, value.split(' ')[0], value.split(' ')[1] ?? ''),
    },
    'the registration access token of another app': {
      ...{ value: String(clinics['registration_access_token']), unknown, good: /client_name/ },
      present: (slug, value) => manage(slug, { clinic: clinics, desk: desks }[slug]['client_id'], value),
    },
    'an initial access token': {
      ...{ value: initial.clinic, unknown: `lki_${unknown}`, good: /client_name/, present: register },
    },
    'an opaque access token at userinfo': {
      ...{ value: opaque, unknown, good: /\\"sub\\"/ },
      present: (slug, token) => send(address, 'GET', `/${slug}/oauth/userinfo`, { token }),
    },
    'an opaque access token that is introspected': {
      ...{ value: opaque, unknown, good: active, present: introspect },
    },
    'an access token that is introspected': {
      ...{ value: accessToken, unknown: accessToken.replace(/[^.]+$/, unknown + unknown), good: active },
      present: introspect,
    },
    'a refresh token that is introspected': {
      // The one above is used by then.
      ...{ value: String((await tokensOf(scope))['refresh_token']), unknown, good: active },
      present: introspect,
    },
    'a client secret': {
      value: `${apps.clinic.id} ${apps.clinic.secret}`,
      unknown: `${strangerId} ${makeSecret(strangerId, 'live', randomBytes).reveal()}`,
      good: /access_token/,
      present: (slug, value) => {
        const [id = '', secret = ''] = value.split(' ')
        return askToken(address, { id, secret }, slug)
      },
    },
  }
}

function configOf(address: string): Promise<client.Configuration> {
  const { id, secret } = apps.clinic
  return client.discovery(new URL(`${address}/clinic`), id, undefined, client.ClientSecretBasic(secret), {
    execute: [client.allowInsecureRequests],
  })
}

async function initialAccessToken({ operator }: Deployment, slug: Slug): Promise<string> {
  const made = await operator.do('POST', `/services/${slug}/initial-access-tokens`, { name: 'Partners' })
  return String(made.json['initial_access_token'])
}
