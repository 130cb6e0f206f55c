import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { ServerTimeouts } from '../../src/http/server.ts'
import type { Handler } from '../../src/http/site-map.ts'
import { allowLongBody } from '../../src/http/slow-bodies.ts'
import { serve } from './serving.ts'

const timeouts: ServerTimeouts = {
  headersMs: 150,
  requestMs: 200,
  checkMs: 10,
  longBody: { idleMs: 150, totalMs: 800 },
}
// What is looked at so often is late on a busy machine; without a limit it would be as long as the sending.
const beforeMs = (ms: number) => ms + 8_000

const echoing: Handler = async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  response.end(Buffer.concat(chunks))
}

/** Answers at once, and says at the end what it was told, if anything. */
const long: Handler = (request, response) => {
  response.write('begun ')
  let limitAgain: () => void = () => undefined
  const end = (text: string) => {
    if (!response.writableEnded) response.end(text)
    request.resume()
    limitAgain()
  }
  limitAgain = allowLongBody(request, { onTooSlow: ({ code, message }) => end(`${code}: ${message}`) })
  request.on('data', (chunk) => {
    if (String(chunk).includes('!')) end('enough')
  })
  request.on('end', () => end('whole')).on('error', () => undefined)
}

interface Sender {
  readonly socket: Socket
  /** All that came back, and how long the connection lasted. */
  readonly ended: Promise<{ readonly answer: string; readonly lastedMs: number }>
}

function post(port: number, headers = ''): Sender {
  const socket = connect(port, '127.0.0.1')
  const since = performance.now()
  let answer = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    answer += chunk
  })
  socket.on('error', () => undefined)
  const ended = new Promise<{ answer: string; lastedMs: number }>((resolve) => {
    socket.once('close', () => resolve({ answer, lastedMs: performance.now() - since }))
  })
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n${headers}\r\n`)
  return { socket, ended }
}

async function drip(socket: Socket, everyMs: number, forMs: number): Promise<void> {
  for (let ms = 0; ms < forMs && !socket.destroyed; ms += everyMs) {
    socket.write('1\r\nx\r\n')
    await pause(everyMs)
  }
}

describe('a body that comes slowly', () => {
  test('is refused when its time is over, though bytes still come', async () => {
    const { port } = await serve(() => echoing, { timeouts })
    const { socket, ended } = post(port)
    void drip(socket, 20, 15_000)
    const { answer, lastedMs } = await ended
    expect(answer).toMatch(/^HTTP\/1.1 408 /)
    expect(answer).toContain('"code":"request_timeout"')
    expect(answer).toMatch(/connection: close/i)
    expect(lastedMs).toBeGreaterThan(timeouts.requestMs - 20)
    expect(lastedMs).toBeLessThan(beforeMs(timeouts.requestMs))
  })

  test('loses its connection where the answer has been given before', async () => {
    const { port } = await serve(() => (_request, response) => void response.end('no'), { timeouts })
    const { socket, ended } = post(port)
    void drip(socket, 20, 15_000)
    const { answer, lastedMs } = await ended
    expect(answer).toMatch(/^HTTP\/1.1 200 /)
    expect(lastedMs).toBeLessThan(beforeMs(timeouts.requestMs))
  })

  test('is given no longer as the second of a connection', async () => {
    const { port } = await serve(() => echoing, { timeouts })
    const { socket, ended } = post(port)
    socket.write('2\r\nab\r\n0\r\n\r\n')
    await pause(100)
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n')
    void drip(socket, 20, 15_000)
    const { answer, lastedMs } = await ended
    expect(answer).toMatch(/^HTTP\/1.1 200 [\s\S]*HTTP\/1.1 408 /)
    expect(lastedMs).toBeGreaterThan(100 + timeouts.requestMs - 20)
    expect(lastedMs).toBeLessThan(beforeMs(100 + timeouts.requestMs))
  })

  test('is no reason to cut a connection that is idle between two requests', async () => {
    const { port } = await serve(() => echoing, { timeouts })
    const { socket, ended } = post(port)
    socket.write('0\r\n\r\n')
    await pause(timeouts.requestMs + 150)
    socket.end('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok')
    expect((await ended).answer).toMatch(/ok$/)
  })

  test.each([
    ['nothing at all', ''],
    ['headers without an end', 'POST / HTTP/1.1\r\nHost: x\r\n'],
  ])('%s is refused as late headers are', async (_, text) => {
    const { port } = await serve(() => echoing, { timeouts })
    const socket = connect(port, '127.0.0.1')
    const since = performance.now()
    socket.resume().write(text)
    await new Promise((resolve) => socket.once('close', resolve))
    expect(performance.now() - since).toBeLessThan(beforeMs(timeouts.headersMs))
  })
})

describe('a body that is called long', () => {
  test('may take longer than any other while something happens', async () => {
    const { port } = await serve(() => long, { timeouts })
    const { socket, ended } = post(port, 'Connection: close\r\n')
    await drip(socket, 50, 500)
    socket.write('0\r\n\r\n')
    expect((await ended).answer).toContain('whole')
  })

  test('is ended when nothing happens, and whoever reads it is told first', async () => {
    const { port } = await serve(() => long, { timeouts })
    const { socket, ended } = post(port)
    await drip(socket, 50, 300)
    const { answer, lastedMs } = await ended
    expect(answer).toContain('request_timeout: Nothing was sent or taken for 0.15 seconds.')
    expect(lastedMs).toBeLessThan(beforeMs(300 + timeouts.longBody.idleMs))
  })

  test('is ended when it takes too long altogether', async () => {
    const { port } = await serve(() => long, { timeouts })
    const { socket, ended } = post(port)
    void drip(socket, 50, 15_000)
    const { answer, lastedMs } = await ended
    expect(answer).toContain('request_timeout: The request was not complete after')
    expect(lastedMs).toBeGreaterThan(timeouts.longBody.totalMs - 20)
    expect(lastedMs).toBeLessThan(beforeMs(timeouts.longBody.totalMs))
  })

  test('has the time of any other once whoever reads it has had enough', async () => {
    const longBody = { idleMs: 15_000, totalMs: 15_000 }
    const { port } = await serve(() => long, { timeouts: { ...timeouts, longBody } })
    const { socket, ended } = post(port)
    socket.write('1\r\n!\r\n')
    void drip(socket, 50, 15_000)
    const { answer, lastedMs } = await ended
    expect(answer).toContain('enough')
    expect(lastedMs).toBeLessThan(beforeMs(timeouts.requestMs))
  })
})
