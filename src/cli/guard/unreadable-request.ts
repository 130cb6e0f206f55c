import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * What the parser refuses never becomes a request; it is answered on the connection, which is then closed, whatever its
 * other end does. No client's `Expect` keeps the guard from deciding, or has it say more than its answer (RFC 9110 §10.1.1).
 */
export function answerUnreadable(server: Server): void {
  server.on('clientError', ({ code }: NodeJS.ErrnoException, socket: Duplex) => {
    if (code !== 'ECONNRESET' && socket.writable)
      socket.write(
        `HTTP/1.1 ${statusLine(code)}\r\nconnection: close\r\ncache-control: no-store\r\ncontent-length: 0\r\n\r\n`,
      )
    socket.destroy()
  })
  for (const expecting of ['checkContinue', 'checkExpectation'])
    server.on(expecting, (message: IncomingMessage, response: ServerResponse) => {
      server.emit('request', message, response)
    })
}

function statusLine(code: string | undefined): string {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return '431 Request Header Fields Too Large'
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return '413 Content Too Large'
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return '408 Request Timeout'
    default:
      return '400 Bad Request'
  }
}
