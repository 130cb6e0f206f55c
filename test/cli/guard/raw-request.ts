import { once } from 'node:events'
import { connect } from 'node:net'

/** An answer, as it came over the wire. */
export interface RawReply {
  readonly status: number
  /** Names in lower case, each with all its values. */
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly body: string
}

/** Sends lines as they are, which no HTTP client would, to a port or a Unix socket; the connection is closed after the answer. */
export async function sendRaw(
  at: number | { readonly path: string },
  lines: readonly string[],
  body = '',
): Promise<RawReply> {
  const socket = typeof at === 'number' ? connect(at, '127.0.0.1') : connect(at)
  socket.write(Buffer.from(`${[...lines, 'connection: close'].join('\r\n')}\r\n\r\n${body}`, 'latin1'))
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += String(chunk)
  })
  socket.setTimeout(10_000, () => socket.destroy(new Error(`no answer to ${lines[0]}`)))
  // A server that refuses the request may close before it has read it all.
  socket.on('error', () => {})
  await once(socket, 'close')
  return parseReply(text)
}

function parseReply(text: string): RawReply {
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers: Record<string, string[]> = {}
  for (const line of lines) {
    const at = line.indexOf(':')
    const name = line.slice(0, at).toLowerCase()
    headers[name] = [...(headers[name] ?? []), line.slice(at + 1).trim()]
  }
  const body = text.slice(end + 4)
  const isChunked = headers['transfer-encoding']?.includes('chunked') === true
  return { status: Number(first.split(' ')[1] ?? 0), headers, body: isChunked ? unchunked(body) : body }
}

function unchunked(body: string): string {
  let text = ''
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf('\r\n', at)
    const length = Number.parseInt(body.slice(at, lineEnd), 16)
    if (!(length > 0)) return text
    text += body.slice(lineEnd + 2, lineEnd + 2 + length)
    at = lineEnd + 2 + length + 2
  }
}
