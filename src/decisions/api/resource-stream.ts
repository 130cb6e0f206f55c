import type { IncomingMessage } from 'node:http'
import { PassThrough, pipeline, type Readable } from 'node:stream'
import type { Context } from 'koa'
import { DomainError } from '../../errors.ts'
import { parseWith } from '../../http/parse-with.ts'
import { HttpRefusal } from '../../http/refusal.ts'
import { allowLongBody } from '../../http/slow-bodies.ts'
import { jsonFlaws } from '../../json-text.ts'
import { type Registration, registerResources, type WantedResource } from '../../tags/register-resources.ts'
import { NewResourceBody } from '../../tags/wire.ts'
import { cutSoon } from './cut-soon.ts'
import { presentRegistration, type ResourceCall, type ResourceDeps } from './registration.ts'

const mediaType = 'application/x-ndjson'
const lineBytesMax = 65_536
const lineDepthMax = 8
/** How often it is asked whether the guard's token still opens this. */
const authorizeAgainMs = 1_000

/**
 * Registers what comes as JSON lines, and answers each with a line, in order. What has arrived is registered at once in
 * one commit; nothing more is read until that is answered and the answer taken, so that memory stays small.
 * @throws {DomainError} `unsupported_media_type`
 */
export async function streamRegistrations(
  deps: ResourceDeps,
  ctx: Context,
  call: ResourceCall,
): Promise<void> {
  if (ctx.is(mediaType) !== mediaType)
    throw new HttpRefusal('unsupported_media_type', 'The body must be JSON lines.', {
      fix: `Send one resource a line with Content-Type: ${mediaType}.`,
      headers: { Accept: mediaType },
    })
  const answers = new PassThrough()
  ctx.status = 200
  ctx.set('Content-Type', mediaType)
  ctx.body = answers
  void answerLines(deps, ctx, call, answers)
}

async function answerLines(
  deps: ResourceDeps,
  { req: request, res: response }: Context,
  call: ResourceCall,
  answers: PassThrough,
): Promise<void> {
  const ahead = readAhead(request)
  const ended = new AbortController()
  const end = (why: Error): void => {
    if (ended.signal.aborted) return
    cutSoon(request, response)
    ended.abort(why)
    ahead.destroy(why)
  }
  const limitAgain = allowLongBody(request, { onTooSlow: end })
  let authorized = Promise.resolve(call.service)
  // By the clock, not by the line: a sender of blank lines, or of a line that never ends, is asked too.
  const again = setInterval(() => {
    authorized = call.stillAuthorized()
    authorized.catch(end)
  }, authorizeAgainMs).unref()
  try {
    for await (const lines of linesOf(ahead)) {
      // What was read before the refusal is not registered after it; nor by a document that has been replaced meanwhile.
      const service = await authorized
      ended.signal.throwIfAborted()
      for (const one of await registered(deps, { ...call, service }, lines))
        answers.write(`${JSON.stringify(presentRegistration(one))}\n`)
      if (answers.writableNeedDrain) await taken(answers, ended.signal)
      if (answers.destroyed) return
    }
    answers.end()
  } catch (cause) {
    if (answers.destroyed) return
    // The status has been sent: the last line says that not all was read.
    const error = cause instanceof DomainError ? cause : new DomainError('internal', 'this went wrong here')
    answers.end(`${JSON.stringify({ outcome: 'ended', code: error.code, detail: error.message })}\n`)
    // What is left is read and dropped, as of any body, so that the caller gets to read the last line.
    request.resume()
  } finally {
    clearInterval(again)
    limitAgain()
  }
}

/** Until the answers are taken, or nobody is left to take them, or it has ended. */
async function taken(answers: PassThrough, ended: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = () => resolve()
  answers.once('drain', done).once('close', done)
  ended.addEventListener('abort', done)
  await promise
  answers.off('drain', done).off('close', done)
  ended.removeEventListener('abort', done)
}

/** So many bytes are taken while a commit is under way: the next one then has many lines, and a line costs less. */
const aheadBytesMax = 262_144

function readAhead(request: IncomingMessage): Readable {
  const ahead = new PassThrough({ readableHighWaterMark: aheadBytesMax })
  // What went wrong is thrown to whoever reads.
  return pipeline(request, ahead, () => undefined)
}

async function registered(
  deps: ResourceDeps,
  { by, service }: ResourceCall,
  lines: readonly Buffer[],
): Promise<readonly Registration[]> {
  const read = lines.map(readLine)
  const wanted = read.flatMap((one) => (one instanceof DomainError ? [] : [one]))
  const registrations = (await registerResources(deps, by, service, wanted)).values()
  return read.map((one): Registration => {
    if (one instanceof DomainError) return { kind: 'refused', error: one }
    const { value } = registrations.next()
    if (value === undefined) throw new Error('a resource was not answered')
    return value
  })
}

function readLine(line: Buffer): WantedResource | DomainError {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(line)
    if (jsonFlaws(text, lineDepthMax).next().done !== true)
      return new DomainError(
        'invalid_request',
        'a member is there twice or is called __proto__, or the line is nested too deeply',
      )
    return parseWith(NewResourceBody, JSON.parse(text), 'body')
  } catch (cause) {
    if (cause instanceof DomainError) return cause
    if (cause instanceof SyntaxError || cause instanceof TypeError)
      return new DomainError('body_not_json', 'the line is not JSON in UTF-8', { cause })
    throw cause
  }
}

/**
 * The lines that have arrived, as many at once as one reading gives; empty ones left out.
 * @throws {DomainError} `body_too_large` for a line of more than 64 KiB
 */
async function* linesOf(request: Readable): AsyncGenerator<readonly Buffer[]> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of request) {
    const lines: Buffer[] = []
    // Sound: no encoding is set, so that chunks are bytes.
    rest = Buffer.concat([rest, chunk as Buffer])
    let start = 0
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10, start)) {
      lines.push(rest.subarray(start, end))
      start = end + 1
    }
    rest = rest.subarray(start)
    if ([...lines, rest].some(({ length }) => length > lineBytesMax))
      throw new DomainError('body_too_large', `a line has more than ${lineBytesMax} bytes`)
    yield* inCommits(lines)
  }
  yield* inCommits([rest])
}

const linesAtOnceMax = 1_000

function* inCommits(lines: readonly Buffer[]): Generator<readonly Buffer[]> {
  const full = lines.filter((line) => line.toString('latin1').trim() !== '')
  for (let i = 0; i < full.length; i += linesAtOnceMax) yield full.slice(i, i + linesAtOnceMax)
}
