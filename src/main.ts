import cluster from 'node:cluster'
import { randomBytes, randomUUID } from 'node:crypto'
import { Resolver } from 'node:dns/promises'
import { mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import type { Machine } from './compose/machine.ts'
import type { Latchkey } from './compose.ts'
import { type Config, parseConfig } from './config.ts'
import { newIdFrom } from './ids.ts'
import { readOrMakeSecretFile } from './secrets/secret-file.ts'

/** A worker that ended is started again, but not in a tight loop. */
const restartAfterMs = 1_000

/**
 * Loads the rest with what was compiled at an earlier start, kept beside the store for the owner alone: a start takes
 * half the time and a tenth less memory than with the sources compiled anew.
 */
async function latchkeyOf(
  config: Config,
): Promise<{ readonly latchkey: Latchkey; readonly log: Machine['log'] }> {
  mkdirSync(config.dataFolder, { recursive: true, mode: 0o700 })
  enableCompileCache(join(config.dataFolder, 'compile-cache'))
  const { compose } = await import('./compose.ts')
  const given = await machine(config)
  return { latchkey: await compose(config, secretsOf(config, given), given), log: given.log }
}

async function machine(config: Config): Promise<Machine> {
  const [{ pino }, { redactedPaths }] = await Promise.all([import('pino'), import('./http/log.ts')])
  const clock = () => Date.now()
  const random = (byteCount: number) => randomBytes(byteCount)
  const resolver = new Resolver({ timeout: 3_000, tries: 2 })
  if (config.nameServers !== undefined) resolver.setServers(config.nameServers)
  return {
    clock,
    random,
    newId: newIdFrom(clock, random),
    newRequestId: () => `req_${randomUUID()}`,
    resolveTxt: (name) => resolver.resolveTxt(name),
    monotonic: () => performance.now(),
    log: pino({ level: config.logLevel, redact: [...redactedPaths] }),
  }
}

function secretsOf(config: Config, { random }: Machine): readonly string[] {
  if (config.secrets !== undefined) return config.secrets
  if (config.store.kind === 'sqlite') return readOrMakeSecretFile(join(config.dataFolder, 'secrets'), random)
  throw new Error(
    'LATCHKEY_SECRETS is needed with a MongoDB store: every node must have the same. Make one with `openssl rand -base64 32`',
  )
}

async function serve(config: Config): Promise<void> {
  const { latchkey, log } = await latchkeyOf(config)
  await latchkey.firstStart()
  const address = await listenAt(latchkey, config)
  const operatorKey = join(config.dataFolder, 'operator-key.json')
  log.info({ address, origin: config.origin, store: config.store.kind, operatorKey }, 'Latchkey is ready')
  onStopSignal(async () => {
    await latchkey.close()
    process.exit(0)
  })
}

async function listenAt(latchkey: Latchkey, config: Config): Promise<string> {
  try {
    return await latchkey.listen()
  } catch (cause) {
    throw new Error(`cannot listen at ${config.host}:${config.port}: LATCHKEY_PORT names another port`, {
      cause,
    })
  }
}

/** Forks the workers, starts again those that end, and passes the signal to stop on. */
async function superviseWorkers(config: Config): Promise<void> {
  const { latchkey, log } = await latchkeyOf(config)
  await latchkey.firstStart()
  await latchkey.close()
  let stopping = false
  for (let i = 0; i < config.workers; i++) cluster.fork()
  cluster.on('exit', (worker, code, signal) => {
    if (stopping) return
    log.error({ pid: worker.process.pid, code, signal }, 'a worker ended; it is started again')
    setTimeout(() => stopping || cluster.fork(), restartAfterMs)
  })
  onStopSignal(async () => {
    stopping = true
    const ended = Object.values(cluster.workers ?? {}).map(
      (worker) => worker && new Promise((resolve) => worker.once('exit', resolve)),
    )
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM')
    await Promise.all(ended)
    process.exit(0)
  })
}

function onStopSignal(stop: () => Promise<void>): void {
  let stopping = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      // A second signal means: now.
      if (stopping) process.exit(1)
      stopping = true
      stop().catch((error: unknown) => {
        console.error(error)
        process.exit(1)
      })
    })
  }
}

try {
  const config = parseConfig(process.env)
  await (config.workers > 1 && cluster.isPrimary ? superviseWorkers(config) : serve(config))
} catch (error) {
  // The operator reads this, often in a terminal: the message first, its cause after it, no stack.
  console.error(`Latchkey did not start: ${messageOf(error)}`)
  process.exit(1)
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}\n  because: ${messageOf(error.cause)}`
}
