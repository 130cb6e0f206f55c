import type { KeyObject } from 'node:crypto'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { Logger } from 'pino'
import type { Guard, Rejection } from '../../sdk/index.ts'
import { failureFrom } from '../access-token.ts'
import { forwardAuth } from './forward-auth.ts'
import { gatewayKey } from './gateway-key.ts'
import { type GatewayName, gateways } from './gateways.ts'
import { type GuardServerDeps, guardServer } from './guard-server.ts'
import { identitiesOf } from './identity.ts'
import { type ListenAddress, listening } from './listen-address.ts'

export interface RunOptions {
  readonly guard: Guard
  readonly service: string
  /** Named where the guard cannot learn what it guards. */
  readonly server: string
  readonly gateway: GatewayName
  readonly gatewayKey: string | undefined
  readonly identityKey: KeyObject | undefined
  readonly listen: readonly ListenAddress[]
  readonly log: Logger
  /** Resolves when the process is asked to stop. */
  readonly stopped: Promise<unknown>
}

/** What is under way when it stops is answered within that time. */
const finishWithinMs = 5_000
const idleCheckMs = 25

/**
 * Serves until it is stopped. It answers at once, and refuses (503) until it knows its service.
 * @throws {Failure} if it cannot listen, or if the server refuses its key
 */
export async function runGuard(options: RunOptions): Promise<void> {
  const { guard, service, gateway, log } = options
  let closing = false
  const identities = await identitiesOf(service, Date.now, options.identityKey)
  const { asking } = gateways[gateway]
  const deps: GuardServerDeps = {
    ...{ guard, identities, takesPathsBelow: asking.kind === 'own', isClosing: () => closing },
    forwardAuth: forwardAuth({
      ...{ guard, identities, gateway: gateways[gateway] },
      isGateway: gatewayKey(options.gatewayKey),
      refused: (rejection) => logRefusal(log, rejection),
    }),
    failed: (error) => log.error({ err: error }, 'A request could not be answered'),
  }
  const servers = await serversAt(options.listen, deps, (address) =>
    log.info({ address, service, gateway }, 'The guard answers the gateway'),
  )
  try {
    await untilStopped(options)
  } finally {
    closing = true
    await Promise.all(servers.map(finished))
    await guard.close()
    log.info({}, 'The guard has stopped')
  }
}

/** A server at each address, or none at all. */
async function serversAt(
  addresses: readonly ListenAddress[],
  deps: GuardServerDeps,
  told: (address: string) => void,
): Promise<readonly Server[]> {
  const servers: Server[] = []
  try {
    for (const address of addresses) {
      const server = guardServer(deps)
      told(await listening(server, address))
      servers.push(server)
    }
  } catch (error) {
    for (const server of servers) server.close()
    throw error
  }
  return servers
}

async function untilStopped({ guard, server, service, log, stopped }: RunOptions): Promise<void> {
  const known = guard.ready().then(
    () => log.info({ service, position: guard.state().position }, 'The guard is ready'),
    (error: unknown) => {
      throw failureFrom(error, server)
    },
  )
  await Promise.race([stopped, known.then(() => stopped)])
}

/** Gateways keep connections open: those without a request are closed, the others once they are answered. */
async function finished(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  // Those that were busy when closing began fall idle later.
  const idle = setInterval(() => server.closeIdleConnections(), idleCheckMs)
  const hard = setTimeout(() => server.closeAllConnections(), finishWithinMs)
  await closed
  clearInterval(idle)
  clearTimeout(hard)
}

/** Off unless asked for: whoever sends requests would write the log. */
function logRefusal(log: Logger, { decisionId, reason, status, operation, caller, cause }: Rejection): void {
  if (!log.isLevelEnabled('debug')) return
  const who = caller === undefined ? {} : { subject: caller.id, organization: caller.organizationId }
  const why = cause instanceof Error ? { cause: cause.message } : {}
  log.debug({ decision: decisionId, reason, status, operation: operation?.id, ...who, ...why }, 'Refused')
}
