import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Context } from 'koa'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { answerStream } from '../../src/decisions/api/guard-stream.ts'
import { DomainError } from '../../src/errors.ts'
import { koaHandler } from '../../src/http/site-map.ts'
import type { Changes, Store } from '../../src/storage/ports.ts'
import { serve } from '../http/serving.ts'
import { raised, serviceOf, startNode } from './node.ts'

const service = serviceOf()
let store: Store
let node: Awaited<ReturnType<typeof startNode>>
beforeEach(async () => {
  store = await openSqlite({ path: ':memory:', clock: () => Date.now() })
  node = await startNode(store)
})
afterEach(async () => {
  await node.stop()
  await store.close()
})

/** A client that asks for the stream and reads nothing of it. */
async function unread(more: { readonly changes?: Changes; readonly stillAuthorized?: () => Promise<void> }) {
  const { changes = store.changes, stillAuthorized = async () => undefined } = more
  const deps = {
    ...{ changes, revocations: node.revocations, feedAgeMs: node.feedAgeMs },
    onClosing: () => () => undefined,
  }
  const begun = Promise.withResolvers<Context>()
  const letGo = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<void>()
  const { port } = await serve((log) =>
    koaHandler(log, async (ctx) => {
      ctx.req.socket.once('close', () => letGo.resolve())
      begun.resolve(ctx)
      await answerStream(deps, ctx, service, { stillAuthorized, closed: () => closed.resolve() })
    }),
  )
  const socket = connect(port, '127.0.0.1').on('error', () => undefined)
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nLast-Event-ID: 0\r\n\r\n')
  return { socket, ctx: await begun.promise, letGo: letGo.promise, closed: closed.promise }
}

const commitMany = () => {
  const [first, ...others] = Array.from({ length: 200 }, (_, i) =>
    raised(`key_${i}${'0'.repeat(1_000)}`, 2, service.id),
  )
  return first === undefined ? undefined : store.commit([first, ...others])
}

describe('the stream of a guard that does not read', () => {
  test('is let go within two seconds of the end of its token', async () => {
    let ended = false
    const { socket, ctx, letGo, closed } = await unread({
      stillAuthorized: async () => {
        if (ended) throw new DomainError('invalid_token', 'The token is revoked.')
      },
    })
    // More than the connection holds, and less than what a guard is cut off for.
    while (ctx.res.writableLength === 0) {
      await commitMany()
      await pause(20)
    }
    ended = true
    const endedAt = performance.now()
    await Promise.all([letGo, closed])
    expect(performance.now() - endedAt).toBeLessThan(3_000)
    socket.destroy()
  })

  test('ends when it leaves while it is told of what was, and no more of that is read', async () => {
    // More than a page of the feed.
    for (let i = 0; i < 600; i++) await store.commit([raised('key_a', i + 2, service.id)])
    await expect.poll(() => node.revocations.position()).toBe(await store.changes.head())
    let reads = 0
    const read: Changes['read'] = async (...asked) => {
      reads++
      await pause(150)
      return store.changes.read(...asked)
    }
    const { changes } = store
    const slow: Changes = { read, head: () => changes.head(), onBell: (ring) => changes.onBell(ring) }
    const { socket, letGo, closed } = await unread({ changes: slow })
    await expect.poll(() => reads).toBe(1)
    socket.resetAndDestroy()
    await Promise.all([letGo, closed])
    await pause(600)
    expect(reads).toBe(1)
  })
})
