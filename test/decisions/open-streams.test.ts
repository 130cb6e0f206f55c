import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { OpenStreams } from '../../src/decisions/api/open-streams.ts'
import { serve } from '../http/serving.ts'

describe('a stream of a key', () => {
  test('counts until its answer is closed', async () => {
    const streams = new OpenStreams(1)
    const { origin } = await serve(() => (_request, response) => {
      streams.openUntilClosed('key', response)
      response.write('begun')
    })
    const leave = new AbortController()
    await fetch(origin, { signal: leave.signal })
    expect(() => streams.open('key')).toThrow('There are 1 streams open with this key.')
    leave.abort()
    await expect.poll(() => streams.open('key')).toBeTypeOf('function')
  })

  test('does not count when its client has left before it began', async () => {
    const streams = new OpenStreams(1)
    const begun = Promise.withResolvers<void>()
    const counted = Promise.withResolvers<void>()
    const { port } = await serve(() => async (_request, response) => {
      begun.resolve()
      await once(response, 'close')
      streams.openUntilClosed('key', response)
      counted.resolve()
    })
    const client = connect(port, '127.0.0.1')
    client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n')
    await begun.promise
    client.resetAndDestroy()
    await counted.promise
    expect(() => streams.open('key')).not.toThrow()
  })
})
