// What an app is answered, here and by the bare library: it is only compared how fast, once it is the same.
import { decodeJwt } from 'jose'
import type { PeopleAt } from './bare-library.ts'
import { authorizationUrl, codeIn, exchangeOf } from './load-flows.ts'

/** Buys a JWT for the API. */
export const apiScope = 'openid reader'
/** Buys an opaque token for userinfo alone. */
export const identityScope = 'openid'

export interface TokenAnswer {
  readonly access_token: string
  readonly refresh_token: string
  readonly id_token: string
  readonly [more: string]: unknown
}

/** The code flow, once. */
export async function tokensOf({ app, cookies }: PeopleAt, scope: string, cookie = cookies[0] ?? '') {
  const answer = await fetch(authorizationUrl(app, scope), { headers: { cookie }, redirect: 'manual' })
  const location = answer.headers.get('location') ?? ''
  const code = codeIn(location)
  if (code === undefined) throw new Error(`no code: ${answer.status} ${location} ${await answer.text()}`)
  return tokenAnswer({ app, cookies }, exchangeOf(app, code))
}

async function tokenAnswer({ app }: PeopleAt, form: Record<string, string>): Promise<TokenAnswer> {
  const { authorization, tokenEndpoint } = app
  return (await answered(tokenEndpoint, { authorization }, form)) as TokenAnswer
}

async function answered(
  url: string,
  headers: Record<string, string>,
  form?: Record<string, string>,
): Promise<Record<string, unknown>> {
  const post = form && { method: 'POST', body: new URLSearchParams(form) }
  const response = await fetch(url, { headers, ...post })
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as Record<string, unknown>
}

/** Throws unless ours gives an app the same kinds of answers, with all that the bare library says in them. */
export async function compareAnswers(ours: PeopleAt, bare: PeopleAt): Promise<void> {
  const [mine, its] = await Promise.all([answersAt(ours), answersAt(bare)])
  for (const [what, said] of Object.entries(its)) {
    const missing = said.filter((one) => mine[what]?.includes(one) !== true)
    if (missing.length > 0)
      throw new Error(`${what}: ours is ${mine[what]?.join(' ')}, without ${missing.join(' ')}`)
  }
}

async function answersAt(at: PeopleAt): Promise<Record<string, readonly string[]>> {
  const { app } = at
  const forApi = await tokensOf(at, apiScope)
  const forUserinfo = await tokensOf(at, identityScope)
  const { refresh_token: before } = forApi
  const refreshed = await tokenAnswer(at, { grant_type: 'refresh_token', refresh_token: before })
  const { access_token: token } = forUserinfo
  const { authorization, introspectionEndpoint, userinfoEndpoint } = app
  const introspected = await answered(introspectionEndpoint, { authorization }, { token })
  const userinfo = await answered(userinfoEndpoint, { authorization: `Bearer ${token}` })
  if (refreshed.refresh_token === before || introspected['active'] !== true)
    throw new Error('a refresh token did not rotate, or a token is not active')
  return {
    'the answer with a JWT': Object.keys(forApi),
    'the JWT': [...Object.keys(decodeJwt(forApi.access_token)), ...lifeAndScope(forApi.access_token)],
    'the ID token': Object.keys(decodeJwt(forApi.id_token)),
    'the answer with an opaque token': Object.keys(forUserinfo),
    'the opaque token': [forUserinfo.access_token.includes('.') ? 'is a JWT' : 'is opaque'],
    'the refreshed answer': [...Object.keys(refreshed), ...lifeAndScope(refreshed.access_token)],
    introspection: Object.keys(introspected),
    userinfo: Object.keys(userinfo),
  }
}

function lifeAndScope(jwt: string): readonly string[] {
  const { exp = 0, iat = 0, scope } = decodeJwt(jwt)
  return [`${exp - iat} s`, `scope=${scope}`]
}
