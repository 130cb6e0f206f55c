import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DomainError } from '../../src/errors.ts'
import { writeRawProblem } from '../../src/http/write-problem.ts'
import { serve } from './serving.ts'

/** The server's ends of connections. */
let accepted: Socket[]
const accept = (message: unknown) => {
  const { socket } = message as { readonly socket: Socket }
  accepted.push(socket)
}
beforeEach(() => {
  accepted = []
  subscribe('net.server.socket', accept)
})
afterEach(() => void unsubscribe('net.server.socket', accept))

const timeouts = {
  ...{ headersMs: 100, requestMs: 200, checkMs: 20 },
  longBody: { idleMs: 200, totalMs: 200 },
}

describe('a connection whose request could not be read is closed', () => {
  test.each([
    ['garbage', 'garbage\r\n\r\n', 400],
    ['CONNECT', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n', 405],
    ['headers that never end', 'GET / HTTP/1.1\r\nHost: x\r\n', 408],
    ['nothing at all', '', 408],
  ])('though its client keeps its own half open: %s', async (_, text, status) => {
    const { port } = await serve(() => (_request, response) => void response.end(), { timeouts })
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    let answer = ''
    client.setEncoding('latin1').on('data', (chunk: string) => {
      answer += chunk
    })
    client.write(text)
    await once(client, 'end')
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*}$`))
    expect(accepted).toHaveLength(1)
    await expect.poll(() => accepted.map(({ destroyed }) => destroyed)).toEqual([true])
    client.destroy()
  })

  test('though its client does not read', async () => {
    const unread = new Duplex({ read: () => undefined, write: () => undefined })
    writeRawProblem(unread, new DomainError('invalid_request', 'This is no HTTP.'), 'request-1')
    await once(unread, 'close', { signal: AbortSignal.timeout(3_000) })
  })
})
