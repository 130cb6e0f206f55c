import type { IncomingMessage, ServerResponse } from 'node:http'
import { LRUCache } from 'lru-cache'
import type { Happening } from '../audit/record.ts'
import { hasCode } from '../errors.ts'
import { type Arrival, arrivalOf } from '../http/arrival.ts'
import { findServiceBySlug } from '../services/find-service.ts'
import { services } from '../services/service.ts'
import { signInOf } from '../services/sign-in.ts'
import { authorizationRoute, destinationOf, type Endpoint, signInRoute } from './endpoints.ts'
import { begin, type Exchange } from './exchange.ts'
import { type Issuer, makeIssuer } from './issuer.ts'
import type { IssuerDeps } from './issuer-deps.ts'
import type { Spent, TokenLimits } from './limits.ts'
import { goOnByGet, isPosted } from './posted-request.ts'
import { answerFault, answerMethodNotAllowed, answerTooLarge, answerTooMany } from './refusals.ts'
import { appTeller } from './tell-apps.ts'

export interface Issuers {
  /**
   * Answers a request to an issuer's endpoint: `/{service}/oauth/…`, `/{service}/.well-known/…` and the forms of
   * RFC 8414 §3.1. Resolves to `false`, with nothing done, if the path means none or its service does not exist.
   * The request came through `receive` of `src/http`.
   */
  answer(request: IncomingMessage, response: ServerResponse): Promise<boolean>
  /** Told what has been committed: apps learn afterwards what it has ended. */
  hear(happening: Happening): void
}

export interface IssuersDeps extends IssuerDeps {
  /** Issuers held ready, about 60 KB each. */
  readonly issuersMax?: number
}

/** The library's own limit, in bytes, for a body of the token endpoint. */
const bodyBytesMax = 56 * 1024

export function createIssuers(deps: IssuersDeps): Issuers {
  const issuerOf = heldIssuers(deps)
  const tellApps = appTeller({ ...deps, records: deps.storedRecords, issuerOf })
  return {
    hear: (happening) => deps.deliveries.prepare(() => tellApps(happening)),
    answer: async (request, response) => {
      const url = request.url ?? '/'
      const query = url.indexOf('?')
      const destination = destinationOf(query === -1 ? url : url.slice(0, query))
      if (destination === undefined) return false
      const { slug, endpoint } = destination
      const arrival = arrivalOf(request)
      try {
        const issuer = await issuerOf(slug)
        if (issuer === undefined) return false
        if (refuseEarly(deps.limits, endpointOf(issuer, endpoint), arrival, request, response)) return true
        if (isPosted(request, endpoint)) {
          await goOnByGet(request, response, url)
          return true
        }
        const exchange = begin(request, arrival, endpoint.kind)
        request.url = query === -1 ? endpoint.route : endpoint.route + url.slice(query)
        if (endpoint.kind === 'device' && request.method === 'GET') takeUserCode(request, exchange)
        await issuer.handle(request, response)
      } catch (cause) {
        deps.onFault(cause, arrival.requestId)
        answerFault(response, hasCode(cause, 'store_unavailable'))
      } finally {
        request.url = url
      }
      return true
    },
  }
}

/**
 * Takes the code out of an address that carries it (RFC 8628 §3.3.1), for our page to show it: the library would answer
 * with a page whose script sends it on.
 */
function takeUserCode(request: IncomingMessage, exchange: Exchange): void {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const code = url.searchParams.get('user_code')
  if (code !== null) exchange.userCode = code
  request.url = url.pathname
}

/** The endpoint as the service has it. */
function endpointOf({ service }: Issuer, endpoint: Endpoint): Endpoint {
  if (endpoint.route !== authorizationRoute || signInOf(service).authorizeByPost) return endpoint
  return { ...endpoint, methods: endpoint.methods.filter((method) => method !== 'POST') }
}

/** Whether the request was answered here, before anything of its body is read. */
function refuseEarly(
  limits: TokenLimits,
  endpoint: Endpoint,
  arrival: Arrival,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (!endpoint.methods.includes(request.method ?? '')) {
    answerMethodNotAllowed(response, endpoint.methods)
    return true
  }
  // What is only read comes from memory, and may be asked by anybody.
  if (['discovery', 'jwks', 'logo'].includes(endpoint.kind)) return false
  const spent = limits.takeAddress(arrival.address) ?? spentOn(limits, endpoint, arrival, request)
  if (spent !== undefined) answerTooMany(response, spent)
  else if (Number(request.headers['content-length'] ?? 0) > bodyBytesMax) answerTooLarge(response)
  else return false
  return true
}

/** What is counted stricter than the rest. */
function spentOn(
  limits: TokenLimits,
  { kind, route }: Endpoint,
  { address }: Arrival,
  { method }: IncomingMessage,
): Spent | undefined {
  const begins = route === authorizationRoute || route === signInRoute
  if (begins && method === 'GET') return limits.takeBegun(address)
  if (method !== 'POST') return undefined
  if (kind === 'registration') return limits.takeRegistration(address)
  return kind === 'device' ? limits.wrongUserCodesOf(address) : undefined
}

/** Issuers by slug, made on first use and made anew when the record has changed; an old one finishes its requests. */
function heldIssuers(deps: IssuersDeps): (slug: string) => Promise<Issuer | undefined> {
  const held = new LRUCache<string, Issuer>({ max: deps.issuersMax ?? 500 })
  return async (slug) => {
    const known = held.get(slug)
    // A slug stays with its service; another may take it once that one is gone.
    const service =
      (known && (await deps.records.find(known.service.organizationId, services, known.service.id))) ??
      (await findServiceBySlug(deps.records, slug))
    if (service === undefined) return undefined
    // Not by identity: a cache that reads through gives a new object each time.
    if (known?.service.id === service.id && known.service.version === service.version) return known
    const issuer = makeIssuer(deps, service)
    held.set(slug, issuer)
    return issuer
  }
}
