import { PassThrough } from 'node:stream'
import type { Context } from 'koa'
import type { Service } from '../../services/service.ts'
import type { Position } from '../../storage/ports.ts'
import { openStream } from '../stream.ts'
import { cutSoon } from './cut-soon.ts'

type Deps = Parameters<typeof openStream>[0]

interface StreamDeps extends Deps {
  /** Calls when the server begins to close: streams end then. Returns how to forget it. */
  readonly onClosing: (hook: () => void) => () => void
}

interface Life {
  /** Throws once the guard's token no longer opens the stream. */
  readonly stillAuthorized: () => Promise<unknown>
  /** Is called when the stream has come to its end, or has not begun. */
  readonly closed: () => void
}

/** A guard that reads slower than things happen is cut off: it comes back and goes on where it was. */
const unreadBytesMax = 4 * 1_048_576
/** How often it is asked whether the guard's own token still opens the stream. */
const authorizeAgainMs = 1_000

/** Answers with what changes, from where the guard left off, for as long as it may see it. */
export async function answerStream(
  deps: StreamDeps,
  ctx: Context,
  service: Service,
  { stillAuthorized, closed }: Life,
): Promise<void> {
  const body = new PassThrough()
  body.once('close', closed)
  ctx.res.once('close', () => body.destroy())
  // It may have left while it was authorized: nothing tells of that any more.
  if (ctx.res.closed) body.destroy()
  const send = (text: string): void => {
    if (body.writableLength > unreadBytesMax) body.destroy()
    else if (!body.writableEnded && !body.destroyed) body.write(text)
  }
  const after = readPosition(ctx.get('Last-Event-ID'))
  const isWanted = () => !body.destroyed
  const stop = await openStream(deps, { service, after, send, isWanted }).catch((error: unknown) => {
    body.destroy()
    throw error
  })
  if (body.destroyed) {
    stop()
    // Whoever is still there has not taken what was sent.
    ctx.respond = false
    ctx.res.destroy()
    return
  }
  const end = (): void => {
    clearInterval(again)
    body.end()
    cutSoon(ctx.req, ctx.res)
  }
  const forgetHook = deps.onClosing(end)
  const again = setInterval(() => {
    stillAuthorized().catch(end)
  }, authorizeAgainMs).unref()
  body.once('close', () => {
    stop()
    forgetHook()
    clearInterval(again)
  })
  // An idle stream is no idle connection: the server's own time limits are for requests.
  ctx.req.socket.setTimeout(0)
  ctx.set('Content-Type', 'text/event-stream; charset=utf-8')
  ctx.set('X-Accel-Buffering', 'no')
  ctx.status = 200
  ctx.body = body
}

/** A position that is none is the one before the first: the answer is all there is, or `reset`. */
function readPosition(text: string): Position | undefined {
  if (text === '') return undefined
  return /^\d{1,15}$/.test(text) ? Number(text) : 0
}
