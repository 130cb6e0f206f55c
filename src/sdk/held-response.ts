import type { ServerResponse } from 'node:http'
import {
  headersOfReplaced,
  headOf,
  type ReplacedResponse,
  type ResponseDuty,
  type ResponseHead,
  type ResponseLimits,
} from './response-duty.ts'
import { takeMethods } from './taken-methods.ts'
import { callbackOf, closeWaysAround, holdWaysAround } from './ways-around.ts'

/**
 * Holds back what is sent over a Node response, in whatever way, until it is known what may leave. Goes before the API;
 * whoever writes to the response finds it as they know it.
 */
export class HeldResponse {
  readonly #response: ServerResponse
  readonly #duty: ResponseDuty
  readonly #limits: ResponseLimits
  readonly #giveBackMethods: readonly (() => void)[]
  readonly #writeHead = (status: number, ...more: readonly unknown[]): ServerResponse => {
    this.#noteHead(status, more)
    return this.#response
  }
  readonly #trailers: Record<string, string | string[]> = {}
  #head: ResponseHead | undefined
  #answered: Answered | undefined
  #chunks: Buffer[] = []
  #size = 0
  #state: 'holding' | 'settled' | 'released' = 'holding'

  constructor(response: ServerResponse, duty: ResponseDuty, limits: ResponseLimits) {
    this.#response = response
    this.#duty = duty
    this.#limits = limits
    const addTrailers = (...given: readonly unknown[]): void => {
      for (const [name, value] of headersGiven(given)) this.#trailers[name] = value
    }
    const giveBack = takeMethods(response, {
      writeHead: this.#writeHead,
      flushHeaders: () => {},
      write: (...given: readonly unknown[]) => this.#write(given),
      end: (...given: readonly unknown[]) => this.#end(given),
      addTrailers,
      // HTTP/2 alone has it.
      setTrailer: (name: unknown, value: unknown) => addTrailers([[name, value]]),
    })
    this.#giveBackMethods = [giveBack, holdWaysAround(response)]
  }

  /** Something was sent, whether it has left or not. */
  get hasBegun(): boolean {
    return this.#head !== undefined
  }

  /** What is sent from now on goes out as it is. @param trailers those of what was replaced are dropped */
  release(trailers: 'kept' | 'dropped'): void {
    if (this.#state !== 'holding') return
    this.#state = 'released'
    this.#giveBack(trailers)
  }

  #giveBack(trailers: 'kept' | 'dropped'): void {
    for (const giveBack of this.#giveBackMethods) giveBack()
    if (trailers === 'kept') this.#response.addTrailers(this.#trailers)
    else closeWaysAround(this.#response)
  }

  #noteHead(status: number, more: readonly unknown[]): void {
    this.#response.statusCode = status
    const given = headersGiven(more)
    for (const [name] of given) this.#response.removeHeader(name)
    for (const [name, value] of given) this.#response.appendHeader(name, value)
  }

  /** The response's status and headers, as they stand when the first of its body comes. */
  #begin(): ResponseHead {
    if (this.#head !== undefined) return this.#head
    const response = this.#response
    // Who waits for the headers to be written (`on-headers`) must have had their turn.
    if (response.writeHead !== this.#writeHead) response.writeHead(response.statusCode)
    const head = headOf(response.statusCode, (name) => response.getHeader(name))
    this.#head = head
    const wanted = this.#duty.at(head)
    if (wanted === 'pass') this.release('kept')
    // Such a body may be without end: it is not waited for.
    else if (wanted === 'discard') this.#settle(head, undefined)
    return head
  }

  #write(given: readonly unknown[]): boolean {
    const head = this.#begin()
    if (this.#state === 'released') return Reflect.apply(this.#response.write, this.#response, given)
    this.#take(head, given)
    callbackOf(given)?.()
    return true
  }

  #end(given: readonly unknown[]): ServerResponse {
    const head = this.#begin()
    if (this.#state === 'released') return Reflect.apply(this.#response.end, this.#response, given)
    this.#take(head, given)
    if (this.#state === 'holding') this.#settle(head, Buffer.concat(this.#chunks))
    const callback = callbackOf(given)
    if (callback !== undefined) this.#response.once('finish', callback)
    return this.#response
  }

  #take(head: ResponseHead, [chunk, encoding]: readonly unknown[]): void {
    const bytes = bytesOf(chunk, encoding)
    if (this.#state !== 'holding' || bytes === undefined) return
    this.#chunks.push(bytes)
    this.#size += bytes.length
    if (this.#size > this.#limits.bytesMax) this.#settle(head, undefined)
  }

  #settle(head: ResponseHead, body: Buffer | undefined): void {
    this.#state = 'settled'
    this.#chunks = []
    this.#answered = answeredBy(this.#response)
    this.#duty.settle(head, body).then(
      (replaced) => this.#send(replaced, body),
      (cause: unknown) => this.#response.destroy(cause instanceof Error ? cause : undefined),
    )
  }

  /** Whatever is written after it is no part of the response any more. */
  #send(replaced: ReplacedResponse | undefined, body: Buffer | undefined): void {
    const response = this.#response
    if (response.destroyed) return
    // What has come after it, an error page of the framework, say, is about no response any more.
    this.#answered?.restore()
    // Over HTTP/2 `end` is made of the others.
    this.#giveBack(replaced === undefined ? 'kept' : 'dropped')
    if (replaced !== undefined) {
      setStatus(response, replaced.status)
      for (const name of headersOfReplaced) response.removeHeader(name)
      for (const [name, value] of Object.entries(replaced.headers)) response.setHeader(name, value)
    }
    response.end(replaced?.body ?? body)
    takeMethods(response, { write: () => true, end: () => response })
  }
}

/** A response's status and headers as they stood when it was answered. */
interface Answered {
  restore(): void
}

function answeredBy(response: ServerResponse): Answered {
  const { statusCode } = response
  const headers = new Map(Object.entries({ ...response.getHeaders() }))
  return {
    restore: () => {
      setStatus(response, statusCode)
      for (const name of response.getHeaderNames()) if (!headers.has(name)) response.removeHeader(name)
      // One that is as it was keeps the spelling of its name, too.
      for (const [name, value] of headers)
        if (value !== undefined && value !== response.getHeader(name)) response.setHeader(name, value)
    },
  }
}

function setStatus(response: ServerResponse, status: number): void {
  if (status === response.statusCode) return
  response.statusMessage = ''
  response.statusCode = status
}

/** The headers of a `writeHead`: an object, a list of pairs, or a list of names and values. */
function headersGiven(more: readonly unknown[]): readonly (readonly [string, string | string[]])[] {
  const given = more.find((one) => typeof one === 'object' && one !== null) ?? []
  const pairs = Array.isArray(given) ? pairsOf(given) : Object.entries(given)
  return pairs.flatMap(([name, value]) =>
    value === undefined
      ? []
      : [[String(name), Array.isArray(value) ? value.map(String) : String(value)] as const],
  )
}

function pairsOf(list: readonly unknown[]): readonly (readonly unknown[])[] {
  if (list.every((one) => Array.isArray(one))) return list
  return list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1]]] : []))
}

function bytesOf(chunk: unknown, encoding: unknown): Buffer | undefined {
  // Sound: who names an encoding names one of Node's, or `Buffer.from` throws as `write` would.
  if (typeof chunk === 'string')
    return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
  return chunk instanceof Uint8Array ? Buffer.from(chunk) : undefined
}
