import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json, text } from 'node:stream/consumers'
import type { ResourceFact } from '../../src/evaluator/model.ts'
import type {
  Bundle,
  FactsQuestion,
  NewResource,
  OrganizationFact,
  RoleFact,
  StreamEvent,
} from '../../src/sdk/bundle.ts'
import type { ServiceBundle } from '../../src/sdk/compiled-bundle.ts'
import type { DecisionBatch } from '../../src/sdk/decision-batch.ts'
import { grantable } from './clinic-issuer.ts'

export const guardKey = `lk_live_01jz0000000000000000000000_${'k'.repeat(49)}`

/** A server that speaks the wire of guards and nothing else, to be changed and broken by a test. */
export class LatchkeyServer {
  readonly requests: string[] = []
  readonly organizations: Record<string, OrganizationFact> = {
    org_a: { state: 'active', entitlement: grantable },
  }
  readonly roles: Record<string, RoleFact> = {}
  readonly resources: Record<string, ResourceFact> = {}
  revocations: Bundle['revocations'] = []
  /** The resources that were asked about. */
  readonly named: string[] = []
  position = 10
  origin = ''
  tokenStatus = 200
  /** Runs while an answer about facts is on its way: after it was read, before it is sent. */
  beforeFacts: () => void | Promise<void> = () => {}
  /** Batches of decisions as they came, those that were not taken included. */
  readonly batches: DecisionBatch[] = []
  /** What a batch is answered with; `lost`: it is taken, and the answer does not arrive. */
  takesDecisions: () => 200 | 400 | 503 | 'lost' | Promise<200> = () => 200
  /** Resources that it was told of, those that were not taken included. */
  readonly told: NewResource[] = []
  /** What such a call is answered with; a name: it is registered by that. */
  registers: (resource: NewResource) => string | 409 | 503 = ({ path }) => path
  bundle: ServiceBundle
  lastEventId: string | undefined
  readonly #server: Server
  readonly #streams = new Set<ServerResponse>()

  constructor(bundle: ServiceBundle) {
    this.bundle = bundle
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    // Sound: it listens on an address, not on a pipe.
    this.origin = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    return this
  }

  get streams(): number {
    return this.#streams.size
  }

  asked(what: string): number {
    return this.requests.filter((one) => one === what).length
  }

  /** Tells every guard of a change, at the next position. */
  change(event: Omit<Extract<StreamEvent, { event: 'change' }>, 'event'>): void {
    this.position++
    if (event.revocations !== undefined) this.revocations = [...this.revocations, ...event.revocations]
    this.send('change', event)
  }

  send(event: string, data: object): void {
    for (const stream of this.#streams)
      stream.write(`event: ${event}\nid: ${this.position}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  heartbeat(): void {
    this.send('heartbeat', { position: this.position, feed_age_ms: 0 })
  }

  cutStreams(): void {
    for (const stream of this.#streams) stream.destroy()
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    if (this.#server.listening) await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isStream = request.headers.accept === 'text/event-stream'
    this.requests.push(isStream ? 'stream' : `${request.method} ${request.url}`)
    if (request.url === '/latchkey/oauth/token') return this.#token(request, response)
    if (request.headers.authorization !== 'Bearer guard-token') return send(response, 401, {})
    if (isStream) return this.#stream(request, response)
    if (request.url === '/clinic/bundle') return this.#bundle(request, response)
    if (request.url === '/clinic/facts') return this.#facts(request, response)
    if (request.url === '/clinic/decisions') return this.#decisions(request, response)
    if (request.url === '/clinic/resources') return this.#register(request, response)
    return send(response, 404, {})
  }

  async #register(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Sound: only a guard tells, and it tells so.
    const resource = (await json(request)) as NewResource
    this.told.push(resource)
    const name = this.registers(resource)
    if (typeof name === 'number')
      return send(response, name, { code: 'already_exists', detail: 'It is another’s.' })
    const { organization } = resource
    this.resources[name] = { owner: organization, tags: {} }
    this.change({ resources: [name] })
    send(response, 200, { name, organization_id: organization, tags: {} })
  }

  async #token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await text(request)
    if (this.tokenStatus !== 200) return send(response, this.tokenStatus, { error: 'invalid_client' })
    send(response, 200, { access_token: 'guard-token', token_type: 'Bearer', expires_in: 900 })
  }

  #bundle(request: IncomingMessage, response: ServerResponse): void {
    const { bundle, position, revocations } = this
    const etag = `"${JSON.stringify([bundle.signing_keys, revocations.length]).length}-${position}"`
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304).end()
    const server_time = new Date().toISOString()
    send(response, 200, { ...bundle, position, server_time, revocations } satisfies Bundle, { etag })
  }

  async #facts(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Sound: only a guard asks, and it asks so.
    const question = (await json(request)) as FactsQuestion
    const { position } = this
    const roles = Object.fromEntries(question.roles.map((id) => [id, this.roles[id] ?? null]))
    const organizations = Object.fromEntries(
      question.organizations.map((id) => [id, this.organizations[id] ?? null]),
    )
    await this.beforeFacts()
    const resources = Object.fromEntries(
      question.resources.map((name) => [name, this.resources[name] ?? null]),
    )
    this.named.push(...question.resources)
    send(response, 200, { position, roles, organizations, resources })
  }

  async #decisions(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Sound: as above.
    this.batches.push((await json(request)) as DecisionBatch)
    const taken = await this.takesDecisions()
    if (taken === 'lost') response.destroy()
    else send(response, taken, {})
  }

  #stream(request: IncomingMessage, response: ServerResponse): void {
    this.lastEventId = String(request.headers['last-event-id'])
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    this.#streams.add(response)
    response.on('close', () => this.#streams.delete(response))
    this.heartbeat()
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

/** Waits until something holds; fails with what the test says it waited for. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`waited in vain until ${what}`)
}
