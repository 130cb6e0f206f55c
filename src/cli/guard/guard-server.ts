import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Guard } from '../../sdk/index.ts'
import { forwardAuthPath } from './asked-request.ts'
import type { ForwardAuth } from './forward-auth.ts'
import { answerProblem } from './gateway-answer.ts'
import type { Identities } from './identity.ts'
import { answerUnreadable } from './unreadable-request.ts'

export interface GuardServerDeps {
  readonly guard: Guard
  readonly forwardAuth: ForwardAuth
  readonly identities: Identities
  /** Whether the client's path stands below that of forward-auth. */
  readonly takesPathsBelow: boolean
  readonly isClosing: () => boolean
  /** Told what no request should be able to cause. */
  readonly failed: (error: unknown) => void
}

/** All that a client sent to the gateway comes here again. */
const headerBytesMax = 65_536
/** Longer than gateways keep theirs: the end that closes first must be the one that sends. */
const keepAliveMs = 75_000
const headersWithinMs = 10_000
/** Whether one is late is looked at so often. */
const lateCheckMs = 2_000

const jwksPath = '/.well-known/jwks.json'

/** Answers a gateway, the API behind it that fetches the key of identities, and load balancers. */
export function guardServer(deps: GuardServerDeps): Server {
  const { forwardAuth, takesPathsBelow, failed } = deps
  const failWith = (response: ServerResponse, error: unknown): void => {
    failed(error)
    // Whatever it was: the request is not known to be allowed.
    if (!response.headersSent) answerProblem(response, unexpected)
    else response.destroy()
  }
  const server = createServer(
    {
      maxHeaderSize: headerBytesMax,
      keepAliveTimeout: keepAliveMs,
      headersTimeout: headersWithinMs,
      requestTimeout: headersWithinMs,
      connectionsCheckingInterval: lateCheckMs,
      // No stream is set up for the body of a request that has none, which is nearly every one.
      optimizeEmptyRequests: true,
    },
    (message, response) => {
      const { url = '' } = message
      const asked = takesPathsBelow ? url.startsWith(`${forwardAuthPath}/`) : isForwardAuth(url)
      try {
        const done = asked ? forwardAuth(message, response) : answerOther(deps, message, response)
        done?.catch((error: unknown) => failWith(response, error))
      } catch (error) {
        failWith(response, error)
      }
    },
  )
  // Beyond so many headers Node leaves out what follows, without a word; their size is bounded above.
  server.maxHeadersCount = 0
  answerUnreadable(server)
  return server
}

/** Some gateways add the client's query, which the target that they name has, too. */
function isForwardAuth(url: string): boolean {
  return url === forwardAuthPath || url.startsWith(`${forwardAuthPath}?`)
}

function answerOther(
  deps: GuardServerDeps,
  message: IncomingMessage,
  response: ServerResponse,
): void | Promise<void> {
  const { method = '', url = '' } = message
  const path = url.split('?', 1)[0]
  const answer = path === undefined ? undefined : own[path]
  if (answer === undefined) return answerMetadata(deps, message, response)
  if (method !== 'GET' && method !== 'HEAD')
    return answerProblem(response, wrongMethod, false, ['allow', 'GET, HEAD'])
  const { status, cacheControl, body } = answer(deps)
  const text = JSON.stringify(body)
  const headers = {
    'content-type': 'application/json',
    'cache-control': cacheControl,
    'content-length': Buffer.byteLength(text),
  }
  response.writeHead(status, headers).end(text)
}

interface OwnAnswer {
  readonly status: number
  readonly cacheControl: string
  readonly body: object
}

const own: Readonly<Record<string, (deps: GuardServerDeps) => OwnAnswer>> = {
  '/healthz': () => ({ status: 200, cacheControl: 'no-store', body: { status: 'ok' } }),
  '/readyz': readiness,
  [jwksPath]: ({ identities }) => ({
    status: 200,
    // It lives as long as this process.
    cacheControl: 'public, max-age=60',
    body: identities.jwks,
  }),
}

/** Ready while it decides: a guard that has heard nothing lately still does, until what it knows is too old. */
function readiness({ guard, isClosing }: GuardServerDeps): OwnAnswer {
  const { kind, position, heardSecondsAgo } = guard.state()
  const isReady = (kind === 'following' || kind === 'degraded') && !isClosing()
  const status = isReady ? 'ready' : 'not_ready'
  const body = {
    status,
    guard: isClosing() ? 'shutting_down' : kind,
    position,
    heard_seconds_ago: heardSecondsAgo ?? null,
  }
  return { status: isReady ? 200 : 503, cacheControl: 'no-store', body }
}

/** RFC 9728: the gateway sends requests for it here. */
async function answerMetadata(
  { guard }: GuardServerDeps,
  { method = '', url = '' }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const metadata = await guard.metadataFor({ method, url })
  if (metadata === undefined) return answerProblem(response, unknownPath)
  response.writeHead(metadata.status, metadata.headers).end(metadata.body)
}

const unexpected = {
  status: 500,
  title: 'Internal Server Error',
  code: 'internal',
  detail: 'The guard failed; its log says why.',
}
const unknownPath = {
  status: 404,
  title: 'Not Found',
  code: 'not_found',
  detail: `There are ${forwardAuthPath}, ${jwksPath}, /healthz and /readyz.`,
}
const wrongMethod = {
  status: 405,
  title: 'Method Not Allowed',
  code: 'method_not_allowed',
  detail: 'It can only be read.',
}
