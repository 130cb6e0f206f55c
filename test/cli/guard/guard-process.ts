// `latchkey guard` as it runs beside a gateway: a process of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface GuardProcess {
  readonly port: number
  /** Standard output and standard error, line by line. */
  readonly lines: readonly string[]
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>
  /** Asks it to stop, and waits until it has. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<number | null>
}

const command = new URL('../../../src/cli/main.ts', import.meta.url).pathname

/**
 * Starts it at a free port of this machine, with a key's secret, and waits until it has said `until`.
 * Rejects, with what it wrote, if it ends before.
 */
export async function startGuard(
  secret: string,
  args: readonly string[],
  until: 'The guard is ready' | 'The guard answers the gateway' = 'The guard is ready',
): Promise<GuardProcess> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('LATCHKEY_'))
  const child = spawn(process.execPath, [command, 'guard', '--listen', '127.0.0.1:0', ...args], {
    env: {
      ...Object.fromEntries(inherited),
      XDG_CONFIG_HOME: join(tmpdir(), 'latchkey-nobody'),
      LATCHKEY_CLI_KEY: secret,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const ended = once(child, 'close').then(() => child.exitCode)
  const { promise: said, resolve, reject } = Promise.withResolvers<void>()
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      if (line.includes(`"msg":"${until}"`)) resolve()
    })
  child.once('close', () => reject(new Error(`the guard ended:\n${lines.join('\n')}`)))
  await said
  return {
    port: Number(/"address":"http:\/\/127\.0\.0\.1:(\d+)"/.exec(lines.join('\n'))?.[1]),
    lines,
    ended,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal)
      return ended
    },
  }
}
