import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { services } from '../../src/services/service.ts'
import { buyCode, type Ground, outcome, redeem, redirectUri, startGround } from './attack.ts'
import { askToken, basic, postToken, signingKey, tokenOf } from './fixture.ts'

let ground: Ground
beforeAll(async () => {
  ground = await startGround()
})
afterAll(() => ground.stop())
afterEach(() => {
  vi.useRealTimers()
})

/** Time goes on by so many seconds, for us and the library. */
function later(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
}

const introspect = async (token: string) => {
  const answer = await fetch(`${ground.issuer}/oauth/introspect`, {
    method: 'POST',
    headers: basic(ground.app),
    body: new URLSearchParams({ token }),
  })
  return (await answer.json()) as { readonly active: boolean }
}

describe('RFC 9700 §4.5, §4.8, RFC 7636 §4.6: the verifier of the request', () => {
  test.each<[string, string | undefined]>([
    ['none', undefined],
    ['another', 'x'.repeat(43)],
    ['an empty one', ''],
    ['one that is too short', 'x'.repeat(42)],
    ['one that is too long', 'x'.repeat(129)],
    ['one with other letters', '='.repeat(43)],
  ])('%s buys nothing', async (_what, code_verifier) => {
    const bought = await buyCode(ground)
    expect(await outcome(await redeem(ground, bought, { code_verifier }))).toMatch(
      /^400 invalid_(grant|request)$/,
    )
  })

  test('the challenge is not the verifier: there is no plain', async () => {
    const challenge = 'x'.repeat(43)
    const { code } = await buyCode(ground, { code_challenge: challenge })
    expect(await outcome(await redeem(ground, { code, verifier: challenge }))).toBe('400 invalid_grant')
  })

  test('a code goes with its own verifier alone: one that was injected buys nothing', async () => {
    const [ours, stolen] = [await buyCode(ground), await buyCode(ground)]
    expect(await outcome(await redeem(ground, { code: stolen.code, verifier: ours.verifier }))).toBe(
      '400 invalid_grant',
    )
  })
})

describe('OAuth 2.1 §4.1.3: a code', () => {
  test('buys a token once', async () => {
    const bought = await buyCode(ground)
    expect(await outcome(await redeem(ground, bought))).toBe('200 granted')
    expect(await outcome(await redeem(ground, bought))).toBe('400 invalid_grant')
  })

  test('ends what it has bought when it comes again (RFC 6749 §4.1.2)', async () => {
    const bought = await buyCode(ground)
    const { access_token } = await tokenOf(await redeem(ground, bought))
    expect(await introspect(access_token)).toMatchObject({ active: true })
    await redeem(ground, bought)
    await vi.waitFor(async () => expect(await introspect(access_token)).toEqual({ active: false }))
  })

  test('that comes ten times at once buys one token at most', async () => {
    const bought = await buyCode(ground)
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, async () => outcome(await redeem(ground, bought))),
    )
    expect(outcomes.filter((one) => one === '200 granted').length).toBeLessThanOrEqual(1)
    expect(outcomes.every((one) => one === '200 granted' || one === '400 invalid_grant')).toBe(true)
  })

  test('is good for a minute', async () => {
    const [early, late] = [await buyCode(ground), await buyCode(ground)]
    later(55)
    expect(await outcome(await redeem(ground, early))).toBe('200 granted')
    later(10)
    expect(await outcome(await redeem(ground, late))).toBe('400 invalid_grant')
  })

  test('is of no use to another app, nor is it spent by the attempt', async () => {
    const bought = await buyCode(ground)
    const other = await ground.addApp()
    expect(await outcome(await redeem({ ...ground, app: other }, bought))).toBe('400 invalid_grant')
  })

  test('needs the app’s secret', async () => {
    const bought = await buyCode(ground)
    const { app } = ground
    const stranger = { ...app, secret: (await ground.addApp()).secret }
    expect(await outcome(await redeem({ ...ground, app: stranger }, bought))).toBe('401 invalid_client')
    const body = { grant_type: 'authorization_code', code: bought.code, client_id: app.key.id }
    expect(await outcome(await postToken(ground, body))).toBe('401 invalid_client')
  })

  test.each<[string, string | undefined]>([
    ['another', 'https://app.example/other'],
    ['none', undefined],
    ['a longer', `${redirectUri}/`],
    ['one with a query', `${redirectUri}?x`],
  ])('does not go with a redirect URI other than the one of its request: %s', async (_what, redirect_uri) => {
    const app = await ground.addApp({ redirectUris: [redirectUri, 'https://app.example/other'] })
    const at = { ...ground, app }
    expect(await outcome(await redeem(at, await buyCode(at), { redirect_uri }))).toMatch(
      /^400 invalid_(grant|request)$/,
    )
  })

  test('is unknown at another service', async () => {
    const service = await ground.addService({ slug: 'second', signingKeys: [signingKey(ground.secrets)] })
    expect(await ground.records.find(service.organizationId, services, service.id)).toBeDefined()
    const app = await ground.addApp({ serviceId: service.id })
    const bought = await buyCode(ground)
    const second = { issuer: `${ground.origin}/second` }
    expect(await outcome(await redeem({ ...second, app }, bought))).toBe('400 invalid_grant')
    expect(await outcome(await redeem({ ...second, app: ground.app }, bought))).toBe('401 invalid_client')
  })

  test('is of no use once the person is disabled', async () => {
    const bought = await buyCode(ground)
    const { users } = await import('../../src/users/user.ts')
    const disabled = await ground.change(users, ground.ann, {
      state: { kind: 'disabled', disabledAt: Date.now() },
    })
    try {
      expect(await outcome(await redeem(ground, bought))).toBe('400 invalid_grant')
    } finally {
      await ground.change(users, disabled, { state: { kind: 'active' } })
    }
  })
})

describe('OAuth 2.1 §3.2: parameters of the token request', () => {
  test.each(['grant_type', 'code', 'redirect_uri', 'code_verifier', 'client_id'])(
    '%s twice is refused',
    async (name) => {
      const { code, verifier } = await buyCode(ground)
      const body = new URLSearchParams({
        grant_type: 'authorization_code',
        client_id: ground.app.key.id,
        redirect_uri: redirectUri,
        code_verifier: verifier,
        code,
      })
      body.append(name, body.get(name) ?? '')
      expect(await outcome(await postToken(ground, body.toString(), basic(ground.app)))).toBe(
        '400 invalid_request',
      )
    },
  )

  test('a code in the query is not read', async () => {
    const { code, verifier } = await buyCode(ground)
    const query = new URLSearchParams({ code, code_verifier: verifier, redirect_uri: redirectUri })
    const answer = await fetch(`${ground.issuer}/oauth/token?${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...basic(ground.app) },
      body: 'grant_type=authorization_code',
    })
    expect(await outcome(answer)).toBe('400 invalid_request')
  })
})

describe('RFC 9700 §2.4: the password grant', () => {
  test.each(['password', 'implicit', 'urn:ietf:params:oauth:grant-type:saml2-bearer'])(
    '%s is refused, for a machine and for an app',
    async (grant_type) => {
      const form = { grant_type, username: 'ann@north.example', password: 'x', assertion: 'x' }
      for (const one of [ground.app, await ground.addKey()])
        expect(await outcome(await postToken(ground, form, basic(one)))).toBe('400 unsupported_grant_type')
    },
  )
})

describe('RFC 9700 §4.10, §2.3: a token of one kind is no token of another', () => {
  test('neither an access token, an ID token nor a refresh token is a code, and the other way round', async () => {
    const bought = await buyCode(ground, { scope: 'openid offline_access patients:read', prompt: 'consent' })
    const answer = (await (await redeem(ground, bought)).json()) as Record<string, string | undefined>
    const kinds = ['access_token', 'id_token', 'refresh_token'] as const
    const unused = await buyCode(ground)
    for (const kind of kinds) {
      const token = answer[kind]
      if (token === undefined) throw new Error(`no ${kind}: ${JSON.stringify(answer)}`)
      expect(await outcome(await redeem(ground, { ...bought, code: token }))).toBe('400 invalid_grant')
      if (kind === 'refresh_token') continue
      const refresh = { grant_type: 'refresh_token', refresh_token: token }
      expect(await outcome(await postToken(ground, refresh, basic(ground.app)))).toBe('400 invalid_grant')
    }
    const refresh = { grant_type: 'refresh_token', refresh_token: unused.code }
    expect(await outcome(await postToken(ground, refresh, basic(ground.app)))).toBe('400 invalid_grant')
    expect(await introspect(answer['id_token'] ?? '')).toEqual({ active: false })
    expect(await introspect(unused.code)).toEqual({ active: false })
  })

  test('a refresh token is of use to its own app alone, at its own service (§4.14)', async () => {
    const bought = await buyCode(ground, { scope: 'openid offline_access patients:read', prompt: 'consent' })
    const { refresh_token } = (await (await redeem(ground, bought)).json()) as { refresh_token: string }
    const form = { grant_type: 'refresh_token', refresh_token }
    const other = await ground.addApp()
    expect(await outcome(await postToken(ground, form, basic(other)))).toBe('400 invalid_grant')
    await ground.addService({ slug: 'third' })
    const third = { issuer: `${ground.origin}/third` }
    expect(await outcome(await postToken(third, form, basic(ground.app)))).toBe('401 invalid_client')
    expect(await outcome(await postToken(ground, form, basic(ground.app)))).toBe('200 granted')
  })

  test('a refresh buys no more than was consented to', async () => {
    const bought = await buyCode(ground, { scope: 'openid offline_access patients:read', prompt: 'consent' })
    const { refresh_token } = (await (await redeem(ground, bought)).json()) as { refresh_token: string }
    const form = { grant_type: 'refresh_token', refresh_token, scope: 'patients:read invoices:read' }
    expect(await outcome(await postToken(ground, form, basic(ground.app)))).toBe('400 invalid_scope')
  })

  test('an app’s own secret buys no token for a person, and a person’s code none for the machine', async () => {
    const { access_token } = await tokenOf(await askToken(ground, ground.app))
    const [, payload = ''] = access_token.split('.')
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
      sub: ground.app.key.id,
    })
  })
})

test('nothing of this was a fault of ours', () => {
  expect(ground.faults).toEqual([])
})
