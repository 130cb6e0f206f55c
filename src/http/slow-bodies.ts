import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { DomainError } from '../errors.ts'

export interface BodyTimeouts {
  /** From the end of the headers to the last byte of the body. */
  readonly requestMs: number
  /** How often bodies are looked at: they are cut that much too late at most. */
  readonly checkMs: number
  /** Of bodies that handlers have called long. */
  readonly longBody: {
    /** Without a byte in either direction. */
    readonly idleMs: number
    readonly totalMs: number
  }
}

/** A body that may take long, for as long as something happens. */
interface LongBody {
  /**
   * Tells whoever reads it that no more is waited for. Unless it is whole and answered by then, the connection is cut when
   * it is looked at next.
   */
  readonly onTooSlow: (error: DomainError) => void
}

/** The last request of a connection: the only one that may not be whole, since bodies come one after the other. */
interface Watched {
  readonly socket: Socket
  under?: { readonly request: IncomingMessage; readonly response: ServerResponse } | undefined
  long?: LongBody | undefined
  /** Looked at so often since it began, and since something was last seen to happen. */
  looks: number
  idleLooks: number
  bytes: number
}

// On the connection itself, which lives longer than requests: nothing is made for a request.
const noted = Symbol('watched')
type Noting = Socket & { [noted]?: Watched }

/** Answers a request whose body is not all there in time, where nothing has been answered yet. */
type Refuse = (request: IncomingMessage, response: ServerResponse, error: DomainError) => void

/**
 * Cuts requests whose bodies come too slowly. Node's own limit (`requestTimeout`) knows no exceptions; its limit for headers
 * stays in force beside this.
 */
export class SlowBodies {
  readonly #timeouts: BodyTimeouts
  readonly #refuse: Refuse
  readonly #connections = new Set<Watched>()

  constructor(timeouts: BodyTimeouts, refuse: Refuse) {
    this.#timeouts = timeouts
    this.#refuse = refuse
  }

  /** Watches all connections of a server, until it is closed. */
  watch(server: Server): void {
    server.on('connection', (socket: Noting) => {
      const watched: Watched = { socket, looks: 0, idleLooks: 0, bytes: 0 }
      socket[noted] = watched
      this.#connections.add(watched)
      socket.once('close', () => this.#connections.delete(watched))
    })
    const looking = setInterval(() => this.#look(), this.#timeouts.checkMs).unref()
    server.once('close', () => clearInterval(looking))
  }

  /** A request has begun: its headers are there. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    const watched = watchedOf(request)
    if (watched === undefined) return
    watched.under = { request, response }
    makeOrdinary(watched)
  }

  #look(): void {
    for (const watched of this.#connections) {
      if (isOver(watched)) watched.under = undefined
      if (watched.under === undefined) continue
      const bytes = watched.socket.bytesRead + watched.socket.bytesWritten
      watched.looks++
      watched.idleLooks = bytes === watched.bytes ? watched.idleLooks + 1 : 0
      watched.bytes = bytes
      const error = this.#tooSlow(watched)
      if (error !== undefined) this.#end(watched, watched.under, error)
    }
  }

  #tooSlow({ long, looks, idleLooks }: Watched): DomainError | undefined {
    const { requestMs, checkMs, longBody } = this.#timeouts
    if (long === undefined) return looks * checkMs > requestMs ? incomplete() : undefined
    if (idleLooks * checkMs > longBody.idleMs)
      return ended(`Nothing was sent or taken for ${longBody.idleMs / 1000} seconds.`)
    return looks * checkMs > longBody.totalMs
      ? ended(`The request was not complete after ${longBody.totalMs / 60_000} minutes.`)
      : undefined
  }

  #end(watched: Watched, { request, response }: NonNullable<Watched['under']>, error: DomainError): void {
    if (watched.long !== undefined) {
      const { onTooSlow } = watched.long
      // Whoever reads it has until the next look to say so.
      watched.long = undefined
      watched.looks = Math.ceil(this.#timeouts.requestMs / this.#timeouts.checkMs)
      onTooSlow(error)
    } else if (response.headersSent) watched.socket.destroy()
    else this.#refuse(request, response, error)
  }
}

/**
 * Lets the body of this request take as long as something happens. Only for whom is known: a stranger must not hold a
 * connection.
 * @returns ends that: what is left of the body then has the time that any other has
 */
export function allowLongBody(request: IncomingMessage, long: LongBody): () => void {
  const watched = watchedOf(request)
  if (watched === undefined || watched.under?.request !== request) return () => undefined
  watched.long = long
  return () => {
    if (watched.long === long) makeOrdinary(watched)
  }
}

/** Of a body that may take long the answer is watched, too: it may come while there is more of the body. */
function isOver({ under, long }: Watched): boolean {
  if (under?.request.complete !== true) return false
  return long === undefined || under.response.writableFinished
}

function watchedOf(request: IncomingMessage): Watched | undefined {
  return (request.socket as Noting)[noted]
}

function makeOrdinary(watched: Watched): void {
  watched.long = undefined
  watched.looks = 0
  watched.idleLooks = 0
}

function incomplete(): DomainError {
  return new DomainError('request_timeout', 'The request was not complete in time.')
}

function ended(detail: string): DomainError {
  return new DomainError('request_timeout', detail, { fix: 'Send what is left in another request.' })
}
