import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterAll } from 'vitest'
import type { Authenticate } from '../../src/http/authenticate.ts'
import { apiPrefix, routeFinder } from '../../src/http/find-route.ts'
import type { IdempotencyKeys, Remembered } from '../../src/http/idempotency.ts'
import { type LimitQuotas, limitsFrom } from '../../src/http/limits.ts'
import type { Log } from '../../src/http/log.ts'
import type { Principal, Route } from '../../src/http/route.ts'
import { type ApiOptions, apiRouter } from '../../src/http/router.ts'
import { type HttpServer, httpServer, type ServerOptions } from '../../src/http/server.ts'
import { type Handler, koaHandler, siteMap } from '../../src/http/site-map.ts'
import type { OrganizationId } from '../../src/ids.ts'

// Ids as they are in the wild: a prefix and a ULID.
const ulid = (n: number): string => `01jz8x6v0kq3m5n7p9r1s3t5${String(n).padStart(2, '0')}`
export const clinicId = `org_${ulid(1)}` as OrganizationId
export const strangerId = `org_${ulid(2)}` as OrganizationId
export const operatorId = `org_${ulid(9)}` as OrganizationId
export const keyId = (n: number): string => `key_${ulid(n)}`

export interface LogLine {
  readonly level: string
  readonly sentence: string
  readonly data: Record<string, unknown>
}

export function memoryLog(): Log & { readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const at = (level: string) => (data: object, sentence: string) => {
    lines.push({ level, sentence, data: { ...data } })
  }
  return { lines, error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') }
}

/** The port's promise in one process: the deployment keeps them in its store. */
export function memoryIdempotencyKeys(): IdempotencyKeys {
  const remembered = new Map<string, Remembered>()
  return {
    claim: async (_organizationId, key, request) => {
      const before = remembered.get(key)
      if (before === undefined) remembered.set(key, { request })
      return before
    },
    settle: async (_organizationId, key, madeId) => {
      const before = remembered.get(key)
      if (before !== undefined && madeId !== undefined) remembered.set(key, { ...before, madeId })
    },
    release: async (_organizationId, key) => {
      remembered.delete(key)
    },
  }
}

/** Authenticates each as a client key of this id: the token says who calls: an organization's id, then what it does not hold. */
export function asNamed(all: readonly Route[], id: string): Authenticate {
  const find = routeFinder(all)
  return async ({ method, path, authorization = '', address, requestId }) => {
    const [organizationId = '', ...withheld] = authorization.slice('Bearer '.length).split(',')
    const found = find(method, path)
    if (found.route === undefined) return { kind: 'denied', reason: 'unknown_operation' }
    const principal: Principal = {
      ...{ kind: 'key', id, organizationId: organizationId as OrganizationId, requestId, address },
      holds: (operationId) => !withheld.includes(operationId),
    }
    return { kind: 'allowed', operationId: found.route.operationId, principal }
  }
}

/** Tokens of the tests: who calls, and with which role. */
export const tokens = {
  admin: 'clinic-admin',
  viewer: 'clinic-viewer',
  operator: 'operator-admin',
} as const

/** Stands in for the SDK's guard with the same order of questions: token, operation, role, organization. */
function deciding(routes: readonly Route[]): Authenticate {
  const find = routeFinder(routes)
  return async ({ method, path, authorization, address, requestId }) => {
    const token = Object.values(tokens).find((one) => authorization === `Bearer ${one}`)
    if (token === undefined) return { kind: 'denied', reason: 'invalid_token' }
    const found = find(method, path)
    if (found.allow.length === 0) return { kind: 'denied', reason: 'unknown_operation' }
    if (found.route === undefined) return { kind: 'denied', reason: 'method_not_allowed' }
    if (token === tokens.viewer && found.route.method !== 'GET')
      return { kind: 'denied', reason: 'operation_not_in_role', needs: ['organization-admin'] }
    const organizationId = token === tokens.operator ? operatorId : clinicId
    const named = found.params['organization']
    if (token !== tokens.operator && named !== undefined && named !== organizationId)
      return { kind: 'denied', reason: 'unknown_resource' }
    const principal: Principal = {
      kind: 'key',
      id: `key_${token}`,
      organizationId,
      requestId,
      address,
      holds: () => true,
    }
    return { kind: 'allowed', operationId: found.route.operationId, principal }
  }
}

const plenty: LimitQuotas = {
  address: { requests: 100_000, windowSeconds: 60 },
  principal: { requests: 100_000, windowSeconds: 60 },
  organization: { requests: 100_000, windowSeconds: 60 },
}

export interface Served {
  readonly origin: string
  readonly port: number
  readonly server: HttpServer
  readonly log: ReturnType<typeof memoryLog>
  /** Calls an operation as the clinic's administrator, or as `init.token`. */
  call(path: string, init?: RequestInit & { readonly token?: string }): Promise<Response>
}

const opened: HttpServer[] = []
afterAll(async () => {
  await Promise.all(opened.map((server) => server.close(1_000)))
})

let requestCount = 0

export async function serve(
  handler: (log: Log, server: () => HttpServer) => Handler,
  options: Partial<ServerOptions> = {},
): Promise<Served> {
  const log = memoryLog()
  const server: HttpServer = httpServer({
    handler: handler(log, () => server),
    log,
    newRequestId: () => `request-${++requestCount}`,
    trustedProxies: 0,
    ...options,
  })
  opened.push(server)
  const port = await server.listen(0, '127.0.0.1')
  const origin = `http://127.0.0.1:${port}`
  const call: Served['call'] = (path, { token = tokens.admin, ...init } = {}) => {
    const headers = new Headers(init.headers)
    if (!headers.has('Authorization')) headers.set('Authorization', `Bearer ${token}`)
    return fetch(`${origin}${apiPrefix}${path}`, { ...init, headers })
  }
  return { origin, port, server, log, call }
}

export function serveApi(
  routes: readonly Route[],
  options: Partial<ApiOptions> & {
    readonly quotas?: Partial<LimitQuotas>
    readonly server?: Partial<ServerOptions>
  } = {},
): Promise<Served> {
  const { quotas, server, ...api } = options
  const middleware = (log: Log): Handler =>
    koaHandler(
      log,
      apiRouter({
        routes,
        authenticate: deciding(routes),
        limits: limitsFrom({ ...plenty, ...quotas }),
        onForeignAccess: async () => {},
        idempotency: memoryIdempotencyKeys(),
        log,
        ...api,
      }),
    )
  return serve((log) => siteMap({ api: middleware(log) }, middleware(log)), server)
}

export function json(method: string, body: unknown, headers: Record<string, string> = {}): RequestInit {
  return { method, body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', ...headers } }
}

/** A problem's members, checked for what every problem has. */
export async function problem(response: Response): Promise<Record<string, unknown>> {
  if (response.headers.get('content-type') !== 'application/problem+json')
    throw new Error(`not a problem: ${response.status} ${await response.text()}`)
  const body: unknown = await response.json()
  if (typeof body !== 'object' || body === null) throw new Error('a problem is an object')
  const members = { ...body } as Record<string, unknown>
  if (members['request_id'] !== response.headers.get('x-request-id')) throw new Error('two request ids')
  if (members['status'] !== response.status) throw new Error('two statuses')
  return members
}

/** Sends bytes as they are and answers all that comes back until the connection ends. */
export function raw(port: number, text: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      answer += chunk
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

/** `fetch` forbids some headers and makes paths canonical; this sends what it is told. */
export function send(
  port: number,
  options: {
    readonly method?: string
    readonly path: string
    readonly headers?: Record<string, string | string[]>
    readonly body?: string | Buffer
  },
): Promise<{ readonly status: number; readonly headers: Record<string, unknown>; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', path, headers = {}, body } = options
    const outgoing = httpRequest(
      { host: '127.0.0.1', port, method, path, headers, agent: false },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk: string) => {
          text += chunk
        })
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }))
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
