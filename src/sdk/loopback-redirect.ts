import { timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { TokenError } from './token-error.ts'

/** What came back to a program's own machine through the person's browser. */
export interface Returned {
  readonly parameters: URLSearchParams
  /** What the person is told in the browser, which waits for it. Plain text. */
  tell(text: string): void
}

export interface Loopback {
  /** `http://127.0.0.1:<a free port>/callback` (RFC 8252 §7.3). */
  readonly redirectUri: string
  /** @throws {TokenError} `sign_in_timeout`, `closed` */
  readonly returned: Promise<Returned>
  close(): Promise<void>
}

const callbackPath = '/callback'

/**
 * Listens on this machine alone for the answer to one authorization request. What does not carry its `state` is
 * answered and passed over: any page in the browser can send requests here.
 */
export async function openLoopback(
  state: string,
  waitSecondsMax: number,
  signal: AbortSignal,
): Promise<Loopback> {
  const { promise, resolve, reject } = Promise.withResolvers<Returned>()
  const server = createServer((request, response) => {
    const parameters = answerParameters(request, response, port, state)
    if (parameters === undefined) return
    server.close()
    resolve({ parameters, tell: (text) => send(response, 200, text) })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const timer = setTimeout(() => {
    const message = `nobody has signed in within ${waitSecondsMax} seconds`
    reject(new TokenError(message, { code: 'sign_in_timeout', isFinal: true }))
  }, waitSecondsMax * 1000)
  const abort = () => reject(new TokenError('the token source is closed', { code: 'closed', isFinal: true }))
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  // Whoever opened it may fail before it waits.
  promise.catch(() => {})
  return {
    redirectUri: `http://127.0.0.1:${port}${callbackPath}`,
    returned: promise,
    close: async () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      server.close()
      server.closeIdleConnections()
      // An answer on its way is finished; a browser that keeps its connection is not waited for.
      setTimeout(() => server.closeAllConnections(), 500).unref()
    },
  }
}

/** The parameters of the one answer that is waited for; anything else is answered here. */
function answerParameters(
  request: IncomingMessage,
  response: ServerResponse,
  port: number,
  state: string,
): URLSearchParams | undefined {
  const url = URL.parse(request.url ?? '', 'http://127.0.0.1')
  // Another name for this machine in `Host` is a page elsewhere that has bound its own name to it.
  if (request.headers.host !== `127.0.0.1:${port}` || url?.pathname !== callbackPath)
    return refuse(response, 404, 'There is nothing here.')
  if (request.method !== 'GET') return refuse(response, 405, 'There is nothing here.')
  const names = [...url.searchParams.keys()]
  const isOurs = isSame(url.searchParams.get('state') ?? '', state) && new Set(names).size === names.length
  if (!isOurs) return refuse(response, 400, 'This is not the answer to the sign-in that is under way.')
  return url.searchParams
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}

function refuse(response: ServerResponse, status: number, text: string): undefined {
  send(response, status, text)
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-security-policy': "default-src 'none'",
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    // The address holds the code.
    'referrer-policy': 'no-referrer',
    connection: 'close',
  })
  response.end(`${text}\n`)
}
