import type { BodyAtHand } from '../evaluator/request/json-body.ts'
import { bodyOfReading, notRead, type Reading, unreadableHeader } from './body-bytes.ts'
import type { BodyLimits, BodyNotRead, RequestBody } from './request-body.ts'

/** The body of a `Request`, of which a copy is read only when a decision depends on it. */
export function fetchBody(request: Request, limits: BodyLimits): RequestBody {
  return request.body === null ? { kind: 'none' } : () => read(request, limits)
}

async function read(request: Request, limits: BodyLimits): Promise<BodyAtHand | BodyNotRead> {
  const { headers, body, bodyUsed } = request
  const mediaType = headers.get('content-type') ?? undefined
  if (bodyUsed || body?.locked === true) return notRead('The body was read before access was decided.')
  const fault = unreadableHeader(mediaType, headers.get('content-encoding') ?? '')
  if (fault !== undefined) return fault
  const length = Number(headers.get('content-length') ?? 0)
  const copy = length > limits.bytesMax ? undefined : request.clone().body
  const reading = copy === undefined ? ({ kind: 'too_long' } as const) : await wholeOf(copy, limits)
  return bodyOfReading(reading, mediaType, limits)
}

async function wholeOf(
  body: ReadableStream<Uint8Array> | null,
  { bytesMax, secondsMax }: BodyLimits,
): Promise<Reading> {
  const reader = body?.getReader()
  const slow = Promise.withResolvers<'too_slow'>()
  const timer = setTimeout(() => slow.resolve('too_slow'), secondsMax * 1000)
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for (;;) {
      const next = await Promise.race([reader?.read(), slow.promise])
      if (next === 'too_slow') return { kind: next }
      if (next?.value === undefined) return { kind: 'whole', bytes: Buffer.concat(chunks) }
      chunks.push(next.value)
      size += next.value.length
      if (size > bytesMax) return { kind: 'too_long' }
    }
  } catch {
    return { kind: 'broken_off' }
  } finally {
    clearTimeout(timer)
    // Nobody waits for it: the copy that is not read further ends when the request does.
    reader?.cancel().catch(() => {})
  }
}
