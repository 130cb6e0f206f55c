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

const arrivals = new WeakMap<IncomingMessage, Arrival>()

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
  arrivals.set(request, arrival)
  response.setHeader('X-Request-Id', requestId)
  return arrival
}

/** The note of `receive`: every handler behind the site map may ask. */
export function arrivalOf(request: IncomingMessage): Arrival {
  const arrival = arrivals.get(request)
  if (arrival === undefined) throw new Error('this request did not come through the site map')
  return arrival
}
