// What an app and a browser do in more than one request, as fast as one process can send it.
import { Agent, type OutgoingHttpHeaders, request } from 'node:http'

/** An app's place at an issuer. */
export interface AppAt {
  readonly authorizationEndpoint: string
  readonly tokenEndpoint: string
  readonly introspectionEndpoint: string
  readonly userinfoEndpoint: string
  /** Its `Authorization` header. */
  readonly authorization: string
  readonly clientId: string
  readonly redirectUri: string
}

/** Authorize with the session of a person who has consented before, and exchange the code: over and over. */
export interface CodeFlows {
  readonly kind: 'code_flows'
  readonly app: AppAt
  readonly scope: string
  /** `Cookie` headers; each connection has one of them. */
  readonly cookies: readonly string[]
}

/** Each connection exchanges its refresh token for the next. */
export interface Refreshes {
  readonly kind: 'refreshes'
  readonly app: AppAt
  readonly refreshTokens: readonly string[]
}

// RFC 7636, Appendix B.
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

export function flowsOf({ app, scope, cookies }: CodeFlows, connections: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const url = authorizationUrl(app, scope)
  return async (connection: number): Promise<boolean> => {
    const cookie = cookies[connection % cookies.length] ?? ''
    const sent = await send(agent, url, { headers: { cookie } })
    const code = codeIn(sent.location)
    if (code === undefined) return false
    return (await postForm(agent, app, exchangeOf(app, code)))['access_token'] !== undefined
  }
}

export function authorizationUrl(app: AppAt, scope: string): string {
  const asked = new URLSearchParams({
    ...{ client_id: app.clientId, redirect_uri: app.redirectUri, response_type: 'code', scope },
    ...{ state: 'bench', code_challenge: challenge, code_challenge_method: 'S256' },
  })
  return `${app.authorizationEndpoint}?${asked}`
}

export function codeIn(location: string | undefined): string | undefined {
  return (location && URL.parse(location)?.searchParams.get('code')) || undefined
}

export function exchangeOf({ redirectUri }: AppAt, code: string): Record<string, string> {
  return { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
}

export function refreshesOf({ app, refreshTokens }: Refreshes, connections: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const newest = [...refreshTokens]
  const refresh = async (connection: number): Promise<boolean> => {
    const before = newest[connection] ?? ''
    const answer = await postForm(agent, app, { grant_type: 'refresh_token', refresh_token: before })
    const after = answer['refresh_token']
    if (typeof after !== 'string' || after === before || answer['access_token'] === undefined) return false
    newest[connection] = after
    return true
  }
  return { refresh, newest }
}

async function postForm(
  agent: Agent,
  { tokenEndpoint, authorization }: AppAt,
  form: Record<string, string>,
): Promise<Record<string, unknown>> {
  const body = new URLSearchParams(form).toString()
  const headers = {
    ...{ authorization, 'content-type': 'application/x-www-form-urlencoded' },
    'content-length': Buffer.byteLength(body),
  }
  const answer = await send(agent, tokenEndpoint, { method: 'POST', headers, body })
  return answer.status === 200 ? (JSON.parse(answer.text) as Record<string, unknown>) : {}
}

interface Sent {
  readonly method?: string
  readonly headers: OutgoingHttpHeaders
  readonly body?: string
}

function send(
  agent: Agent,
  url: string,
  { method = 'GET', headers, body }: Sent,
): Promise<{ readonly status: number; readonly location: string | undefined; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const sending = request(url, { agent, method, headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (part: string) => {
        text += part
      })
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, location: answer.headers.location, text }),
      )
      answer.on('error', reject)
    })
    sending.on('error', reject)
    sending.end(body)
  })
}
