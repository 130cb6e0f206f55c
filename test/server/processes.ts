// The server as an operator runs it: `node src/main.ts` and its environment.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { objectIn } from './client.ts'
import { freePort } from './deployment.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export interface ServerProcess {
  readonly address: string
  readonly pid: number
  /** Standard output and standard error, line by line. */
  readonly lines: readonly string[]
  /** Resolves with the exit code; `null` if a signal ended it. */
  readonly ended: Promise<number | null>
  signal(signal: NodeJS.Signals): void
  /** Asks it to stop, and waits until it has. */
  stop(): Promise<number | null>
}

/** Runs it. `ready` resolves when it has said so as often as it has workers; rejects if it ends before. */
export async function runServer(
  environment: Readonly<Record<string, string>>,
): Promise<ServerProcess & { readonly ready: Promise<void> }> {
  const port = environment['LATCHKEY_PORT'] ?? String(await freePort())
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, [main], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH, HOME, LATCHKEY_PORT: port, ...environment },
  })
  const lines: string[] = []
  const ended = once(child, 'close').then(() => child.exitCode)
  const signal = (name: NodeJS.Signals): void => {
    child.kill(name)
  }
  return {
    ...{ address: `http://127.0.0.1:${port}`, pid: child.pid ?? 0, lines, ended, signal },
    ready: readiness(child, lines, Number(environment['LATCHKEY_WORKERS'] ?? 1)),
    stop: () => {
      signal('SIGTERM')
      return ended
    },
  }
}

/** Runs it, and waits until it is ready. */
export async function startServer(environment: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const server = await runServer(environment)
  await server.ready
  return server
}

function readiness(child: ChildProcess, lines: string[], times: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let left = times
  const hear = (line: string): void => {
    lines.push(line)
    if (objectIn(line)['msg'] === 'Latchkey is ready' && --left === 0) resolve()
  }
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null) createInterface({ input: stream }).on('line', hear)
  child.once('close', () => reject(new Error(`the server ended before it was ready:\n${lines.join('\n')}`)))
  // Who does not wait for readiness looks at `ended`.
  promise.catch(() => {})
  return promise
}
