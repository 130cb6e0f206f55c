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

/** The same on a bare connection, for what the parser of HTTP has refused; ends it. */
export function writeRawProblem(socket: Duplex, error: unknown, requestId: string): void {
  const { status, headers, body } = problemOf(error, requestId)
  const lines = Object.entries({
    ...headers,
    'X-Request-Id': requestId,
    'Content-Type': problemMediaType,
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} \r\n${lines.join('')}\r\n${body}`)
}
