import { Readable } from 'node:stream'
import type { ReplacedResponse, ResponseDuty, ResponseHead, ResponseLimits } from './response-duty.ts'

/** What becomes of a response: it goes out as it is, whatever its body, or with the body that was read, or is replaced. */
export type Fulfilled =
  | { readonly kind: 'passed' }
  | { readonly kind: 'unchanged'; readonly body: Buffer }
  | { readonly kind: 'replaced'; readonly by: ReplacedResponse }

/** Does its duty to a response that a framework is about to write. */
export async function fulfil(
  duty: ResponseDuty,
  head: ResponseHead,
  body: unknown,
  limits: ResponseLimits,
): Promise<Fulfilled> {
  const wanted = duty.at(head)
  if (wanted === 'pass') return { kind: 'passed' }
  const whole = wanted === 'hold' ? await wholeBody(body, limits) : undefined
  if (whole === undefined) discard(body)
  const by = await duty.settle(head, whole)
  return by === undefined ? { kind: 'unchanged', body: whole ?? Buffer.alloc(0) } : { kind: 'replaced', by }
}

/**
 * The bytes of what a framework takes for a body: text, bytes, a stream of either kind, or a value that it writes as JSON.
 * @returns `undefined` if it is longer than is held, or cannot be read
 */
async function wholeBody(body: unknown, limits: ResponseLimits): Promise<Buffer | undefined> {
  if (typeof body === 'string' || body instanceof Uint8Array) return within(Buffer.from(body), limits)
  if (body instanceof Response) return body.body === null ? Buffer.alloc(0) : streamed(body.body, limits)
  if (body instanceof Blob) return streamed(body.stream(), limits)
  if (isStream(body)) return streamed(body, limits)
  return within(Buffer.from(JSON.stringify(body) ?? ''), limits)
}

function within(bytes: Buffer, { bytesMax }: ResponseLimits): Buffer | undefined {
  return bytes.length > bytesMax ? undefined : bytes
}

function isStream(body: unknown): body is AsyncIterable<unknown> {
  return body instanceof Readable || body instanceof ReadableStream
}

/** Who leaves a stream before its end ends it. */
async function streamed(
  body: AsyncIterable<unknown>,
  { bytesMax }: ResponseLimits,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return undefined
      const bytes = Buffer.from(chunk)
      size += bytes.length
      if (size > bytesMax) return undefined
      chunks.push(bytes)
    }
  } catch {
    // A response that breaks off is none.
    return undefined
  }
  return Buffer.concat(chunks)
}

/** Nobody reads it; it is ended, so that what it comes from can be closed. */
function discard(body: unknown): void {
  if (body instanceof Readable) body.on('error', () => {}).destroy()
  else if (body instanceof Response) discard(body.body)
  else if (body instanceof ReadableStream && !body.locked) body.cancel().catch(() => {})
}
