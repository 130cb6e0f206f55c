import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { problemMediaType, problemOf } from './problem.ts'

/** Answers with a problem where no Koa is around; what has already begun is broken off. */
export function writeProblem(response: ServerResponse, error: unknown, requestId: string): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const { status, headers, body } = problemOf(error, requestId)
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.writeHead(status, {
    ...headers,
    'X-Request-Id': requestId,
    'Content-Type': problemMediaType,
    'Content-Length': Buffer.byteLength(body),
  })
  response.end(body)
}

/** By then a client that was refused has read why, or does not read at all. */
const closedAfterMs = 1_000

/**
 * The same on a bare connection, for what the parser of HTTP has refused; closes it, whatever the client does: one that
 * keeps its own half open, or does not read, is not to hold a descriptor.
 */
export function writeRawProblem(socket: Duplex, error: unknown, requestId: string): void {
  const { status, headers, body } = problemOf(error, requestId)
  const lines = Object.entries({
    ...headers,
    'X-Request-Id': requestId,
    'Content-Type': problemMediaType,
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  const close = () => void socket.destroy()
  const late = setTimeout(close, closedAfterMs).unref()
  socket.once('close', () => clearTimeout(late))
  socket.end(`HTTP/1.1 ${status} \r\n${lines.join('')}\r\n${body}`, close)
}
