import type { IncomingMessage, ServerResponse } from 'node:http'
import { clientAddress } from './client-address.ts'
import { requestIdFrom } from './request-id.ts'

/** What is known of a request before anything of it is believed. */
export interface Arrival {
  readonly requestId: string
  /** The client's address by trusted hop. */
  readonly address: string
}

export interface ArrivalOptions {
  readonly newRequestId: () => string
  readonly trustedProxies: number
}

// On the request itself: a WeakMap of what lives for a millisecond costs the collector more than all else that is done here.
const noted = Symbol('arrival')
type Noting = IncomingMessage & { [noted]?: Arrival }

/** Notes a request's id and address once, and puts the id on its answer. */
export function receive(
  request: IncomingMessage,
  response: ServerResponse,
  { newRequestId, trustedProxies }: ArrivalOptions,
): Arrival {
  const requestId = requestIdFrom(request.headers['x-request-id'], newRequestId)
  const address = clientAddress(
    request.headers['x-forwarded-for'],
    request.socket.remoteAddress,
    trustedProxies,
  )
  const arrival = { requestId, address }
  ;(request as Noting)[noted] = arrival
  response.setHeader('X-Request-Id', requestId)
  return arrival
}

/** The note of `receive`: every handler behind the site map may ask. */
export function arrivalOf(request: IncomingMessage): Arrival {
  const arrival = (request as Noting)[noted]
  if (arrival === undefined) throw new Error('this request did not come through the site map')
  return arrival
}
