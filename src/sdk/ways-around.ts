import type { ServerResponse } from 'node:http'
import { takeMethods } from './taken-methods.ts'

type Send = (...given: unknown[]) => unknown

/** Informational answers without words of the API's: to go on with the body, and that it takes a while (RFC 9110 §15.2). */
const wordless: ReadonlySet<unknown> = new Set([100, 102])

/**
 * The ways around a response that is held back: hints ahead of it, and over HTTP/2 the stream that it is written to. What
 * can be held is led to the response; what cannot is refused, or left out where nobody depends on it.
 * @returns how to give them back
 */
export function holdWaysAround(response: ServerResponse): () => void {
  const stream = streamOf(response)
  const leaveOut = (...given: readonly unknown[]): void => callbackOf(given)?.()
  const giveBackHints = takeMethods(response, { writeEarlyHints: leaveOut, writeInformation: leaveOut })
  if (stream === undefined) return giveBackHints
  const giveBackStream = takeMethods(stream, streamMethods(response, stream))
  return () => {
    giveBackHints()
    giveBackStream()
  }
}

/**
 * For good, once a response was replaced: trailers, too, are asked for when its body has been sent, of whoever listens, and
 * what is pushed beside it would come after it as well.
 */
export function closeWaysAround(response: ServerResponse): void {
  const leaveOut = (): void => {}
  // HTTP/2 alone has the second.
  takeMethods(response, { addTrailers: leaveOut, setTrailer: leaveOut })
  const stream = streamOf(response)
  if (stream === undefined) return
  const send: unknown = Reflect.get(stream, 'sendTrailers')
  takeMethods(stream, {
    // The stream waits for some before it ends.
    sendTrailers: () => typeof send === 'function' && Reflect.apply(send, stream, [{}]),
    ...besides(stream),
  })
}

/** Of HTTP/2's compatibility API. */
function streamOf(response: ServerResponse): object | undefined {
  const stream: unknown = Reflect.get(response, 'stream')
  return typeof stream === 'object' && stream !== null && 'respond' in stream ? stream : undefined
}

function streamMethods(response: ServerResponse, stream: object): Readonly<Record<string, Send>> {
  return {
    respond: (headers, options) => respond(response, headers, options),
    write: (...given) => Reflect.apply(response.write, response, given),
    end: (...given) => {
      Reflect.apply(response.end, response, given)
      return stream
    },
    ...besides(stream),
  }
}

/** What goes out beside a response, or in its place, and never is the response. */
function besides(stream: object): Readonly<Record<string, Send>> {
  const informs: unknown = Reflect.get(stream, 'additionalHeaders')
  const refuseFile = (): never => {
    throw refusal('A file that the stream sends by itself cannot be held back')
  }
  return {
    additionalHeaders: (headers) => {
      const status = membersOf(headers)[':status']
      if (wordless.has(status) && typeof informs === 'function')
        Reflect.apply(informs, stream, [{ ':status': status }])
    },
    pushStream: (...given) => callbackOf(given)?.(refusal('What is pushed beside it cannot be held back')),
    respondWithFile: refuseFile,
    respondWithFD: refuseFile,
  }
}

function respond(response: ServerResponse, given: unknown, options: unknown): void {
  const { ':status': status = 200, ...headers } = membersOf(given)
  // Those with a colon are HTTP/2's own.
  const named = Object.entries(headers).filter(([name]) => !name.startsWith(':'))
  response.writeHead(Number(status), Object.fromEntries(named.map(([name, value]) => [name, textsOf(value)])))
  if (membersOf(options)['endStream'] === true) response.end()
}

function textsOf(value: unknown): string | string[] | undefined {
  if (value === undefined || value === null) return undefined
  return Array.isArray(value) ? value.map(String) : String(value)
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function refusal(what: string): Error {
  return new Error(
    `${what}: this caller may see a part of it, or it is registered first. Answer over the response.`,
  )
}

export function callbackOf(given: readonly unknown[]): ((error?: Error) => void) | undefined {
  const last = given.findLast((one) => typeof one === 'function')
  // Sound: what is called here with callbacks takes no other function.
  return last as ((error?: Error) => void) | undefined
}
