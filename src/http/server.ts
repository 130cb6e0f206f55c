import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { DomainError } from '../errors.ts'
import { type ArrivalOptions, arrivalOf, receive } from './arrival.ts'
import { errorForLog, type Log } from './log.ts'
import type { Handler } from './site-map.ts'
import { type BodyTimeouts, SlowBodies } from './slow-bodies.ts'
import { writeProblem, writeRawProblem } from './write-problem.ts'

export interface ServerOptions extends ArrivalOptions {
  readonly handler: Handler
  readonly log: Log
  readonly timeouts?: ServerTimeouts
}

export interface ServerTimeouts extends BodyTimeouts {
  /** From the first byte to the end of the headers. */
  readonly headersMs: number
}

const defaultTimeouts: ServerTimeouts = {
  headersMs: 10_000,
  requestMs: 60_000,
  checkMs: 2_000,
  longBody: { idleMs: 30_000, totalMs: 3_600_000 },
}

export interface HttpServer {
  /** @returns the port: the one asked for, or a free one for 0 */
  listen(port: number, host?: string): Promise<number>
  /** Whether `close` has begun: `/readyz` then answers 503. */
  isClosing(): boolean
  /** Called when closing begins: event streams end then. Returns how to forget the hook. */
  onClosing(hook: () => void): () => void
  /**
   * Stops accepting, ends event streams, lets requests under way finish.
   * @param graceMs after that, what is left is cut off
   */
  close(graceMs: number): Promise<void>
}

/** The outer server: every request gets its id and address here, and an answer whatever happens behind. */
export function httpServer(options: ServerOptions): HttpServer {
  const timeouts = options.timeouts ?? defaultTimeouts
  let closing = false
  const hooks = new Set<() => void>()
  const slowBodies = new SlowBodies(timeouts, refuseSlow)
  const server = createServer(
    {
      headersTimeout: timeouts.headersMs,
      // The bodies are watched here: some may take long.
      requestTimeout: 0,
      connectionsCheckingInterval: timeouts.checkMs,
      // Node's own refusal has neither body nor request id; ours below has.
      requireHostHeader: false,
    },
    (request, response) => {
      if (closing) response.shouldKeepAlive = false
      slowBodies.begin(request, response)
      serve(request, response, options)
    },
  )
  slowBodies.watch(server)
  answerUnreadable(server, options)
  return {
    listen: (port, host) => listen(server, port, host),
    isClosing: () => closing,
    onClosing: (hook) => {
      hooks.add(hook)
      return () => hooks.delete(hook)
    },
    close: async (graceMs) => {
      closing = true
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const hook of hooks) hook()
      await finish(server, closed, graceMs)
    },
  }
}

function serve(request: IncomingMessage, response: ServerResponse, options: ServerOptions): void {
  const { requestId } = receive(request, response, options)
  const fail = (error: unknown): void => {
    options.log.error({ request_id: requestId, err: errorForLog(error) }, 'a request failed')
    writeProblem(response, error, requestId)
  }
  // RFC 9112 §3.2: 1.1 without Host is refused. What Host says is never believed: links are made from the origin.
  if (request.headers.host === undefined && request.httpVersion === '1.1') {
    writeProblem(response, new DomainError('invalid_request', 'The Host header is missing.'), requestId)
    return
  }
  if (request.url?.startsWith('/') !== true) request.url = originForm(request.url ?? '')
  try {
    const done = options.handler(request, response)
    if (done instanceof Promise) done.catch(fail)
  } catch (error) {
    fail(error)
  }
}

function refuseSlow(request: IncomingMessage, response: ServerResponse, error: DomainError): void {
  // RFC 9110 §15.5.9: no more of it is waited for.
  response.shouldKeepAlive = false
  writeProblem(response, error, arrivalOf(request).requestId)
}

/** RFC 9112 §3.2.2: a server must accept the absolute form; its host is no more believed than the header. */
function originForm(target: string): string {
  const rest = /^https?:\/\/[^/?#]*(.*)$/i.exec(target)?.[1] ?? ''
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** What the parser refuses never becomes a request; it is answered on the connection. */
function answerUnreadable(server: Server, { newRequestId }: ServerOptions): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
    else writeRawProblem(socket, unreadable(error.code), newRequestId())
  })
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    writeRawProblem(socket, new DomainError('method_not_allowed', 'CONNECT is not served.'), newRequestId())
  })
  // `Expect` other than 100-continue is no reason to refuse (RFC 9110 §10.1.1 lets a server ignore it).
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response)
  })
}

function unreadable(code: string | undefined): DomainError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new DomainError('headers_too_large', 'The headers are larger than 16 KiB.')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new DomainError('request_timeout', 'The request was not complete in time.')
    default:
      return new DomainError('invalid_request', 'This is not a well-formed HTTP request.')
  }
}

function listen(server: Server, port: number, host: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      // A server that listens on a port, not on a pipe, has an `AddressInfo`.
      resolve((server.address() as AddressInfo).port)
    })
  })
}

async function finish(server: Server, closed: Promise<void>, graceMs: number): Promise<void> {
  // Connections that were busy when closing began fall idle later.
  const idle = setInterval(() => server.closeIdleConnections(), 25)
  const cut = setTimeout(() => server.closeAllConnections(), graceMs)
  server.closeIdleConnections()
  await closed
  clearInterval(idle)
  clearTimeout(cut)
}
