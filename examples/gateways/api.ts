// A small API behind a gateway: it answers who the guard has told it is calling, and what has reached it.
import { createServer, type IncomingMessage } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'

export interface ApiOptions {
  readonly port: number
  /** Where the guard answers: it publishes the key that identities are signed with. */
  readonly guard: string
  /** The service that is guarded, and its audience: identities for another API are refused. */
  readonly service: string
  readonly audience: string
}

/** Listens on this machine alone, where only the gateway comes from. */
export function startApi({ port, guard, service, audience }: ApiOptions) {
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', guard), { cooldownDuration: 1_000 })
  const expected = {
    ...{ typ: 'latchkey-identity+jwt', algorithms: ['ES256'], audience },
    issuer: `urn:latchkey:guard:${service}`,
  }
  /** Who calls; `undefined` on a public operation. Throws for what the guard has not signed. */
  const callerOf = async ({ headers }: IncomingMessage) => {
    const identity = headers['x-latchkey-identity']
    return typeof identity === 'string' ? (await jwtVerify(identity, keys, expected)).payload : undefined
  }
  const server = createServer(async (request, response) => {
    const { method, url: target, rawHeaders: headers } = request
    try {
      const caller = await callerOf(request)
      const answer = { caller: caller?.sub, organization: caller?.['org_id'], method, target, headers }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    } catch {
      response.writeHead(401).end()
    }
  })
  return server.listen(port, '127.0.0.1')
}
