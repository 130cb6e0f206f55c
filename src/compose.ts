import { createActivity } from './audit/activity.ts'
import type { Machine } from './compose/machine.ts'
import { decisionRecording, managementGuard, serviceDeciders } from './compose/management-guard.ts'
import { managementRoutes } from './compose/management-routes.ts'
import { closeParts, openParts, type Parts } from './compose/parts.ts'
import { startPeriodicWork } from './compose/periodic-work.ts'
import { site } from './compose/site.ts'
import type { Config } from './config.ts'
import { guardOperations, guardRole } from './decisions/api/guard-operations.ts'
import { ensureFirstStart } from './first-start.ts'
import { errorForLog } from './http/log.ts'
import { type ApiDocumentOptions, apiDocument } from './http/openapi.ts'
import { type HttpServer, httpServer } from './http/server.ts'
import { followRevocations } from './revocations/live.ts'
import { guardRoleName } from './services/management-service.ts'
import type { DocumentReader } from './services/read-document.ts'

export interface Latchkey {
  /** Makes what an empty store needs. Safe at every start, on every node. */
  firstStart(): Promise<void>
  /** @returns the address listened at */
  listen(): Promise<string>
  /** Stops accepting, ends streams, finishes what is under way, writes what is held. */
  close(): Promise<void>
}

/** The product's: the version of `latchkey`'s own document, too. */
const productVersion = '0.4.0'
const closingGraceMs = 10_000

/** Opens the store and wires everything. Nothing is listened at until `listen`. */
export async function compose(
  config: Config,
  secretTexts: readonly string[],
  machine: Machine,
): Promise<Latchkey> {
  const parts = await openParts(config, secretTexts, machine)
  const described: ApiDocumentOptions = {
    routes: managementRoutes(parts),
    origin: config.origin,
    version: productVersion,
    extraOperations: guardOperations,
    extraRoles: { [guardRoleName]: guardRole },
  }
  let running: Running | undefined
  return {
    firstStart: () => {
      const { secrets, store } = parts
      const { origin, dataFolder } = config
      const bytes = () => Buffer.from(JSON.stringify(apiDocument(described)))
      const deps = { ...machine, store, secrets, origin, dataFolder, readDocument: readOwnDocument }
      return ensureFirstStart(deps, { version: productVersion, bytes })
    },
    listen: async () => {
      running = await run(parts, described)
      const port = await running.server.listen(config.port, config.host)
      return `http://${config.host}:${port}`
    },
    close: async () => {
      await running?.close()
      await closeParts(parts)
    },
  }
}

/** Our own document needs no thread to be safe from it, and the parser is loaded only where there is one to read. */
const readOwnDocument: DocumentReader = async (source, options) => {
  const { readDocument } = await import('./services/read-document.ts')
  return readDocument(source, options)
}

interface Running {
  readonly server: HttpServer
  close(): Promise<void>
}

async function run(parts: Parts, described: ApiDocumentOptions): Promise<Running> {
  const { config, machine, store, feed } = parts
  const { clock, log, newRequestId } = machine
  const revocations = await followRevocations({ records: store.records, feed, clock })
  const activity = createActivity({
    counters: store.counters,
    clock,
    onFault: (cause) => log.error({ err: errorForLog(cause) }, 'activity was not stored'),
  })
  const recording = decisionRecording(parts)
  const guard = managementGuard(parts, revocations, recording)
  const deciders = serviceDeciders(parts, revocations, recording)
  const running = { ...parts, revocations, activity, recording, deciders, guard }
  const server: HttpServer = httpServer({
    handler: site({ ...running, server: () => server }, described),
    ...{ log, newRequestId, trustedProxies: config.trustedProxies },
  })
  const stopPeriodicWork = startPeriodicWork(parts, revocations)
  return {
    server,
    close: async () => {
      stopPeriodicWork()
      await server.close(closingGraceMs)
      await guard.close()
      await deciders.close()
      await activity.close()
      revocations.stop()
    },
  }
}
