import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

/** The file that Latchkey writes at its first start: a key of the operator, who may do everything. */
const OperatorKey = z.object({
  organization_id: z.string(),
  client_id: z.string(),
  client_secret: z.string(),
})
export type OperatorKey = z.output<typeof OperatorKey>

export interface LatchkeyProcess {
  readonly origin: string
  /** The operator's key, once the server answers. Throws, with what the process wrote, if it does not come up. */
  ready(): Promise<OperatorKey>
  /** Settles when the process ends, whoever ends it, with what it wrote last. */
  readonly ended: Promise<string>
  stop(): Promise<void>
}

const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))
const readyWithinMs = 20_000

/** Starts a server of its own on an empty store in a folder, with more settings if need be. */
export function startLatchkey(
  dataFolder: string,
  port: number,
  settings: Readonly<Record<`LATCHKEY_${string}`, string>> = {},
): LatchkeyProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('LATCHKEY_'))
  const child = spawn(process.execPath, [main], {
    env: {
      ...Object.fromEntries(inherited),
      LATCHKEY_PORT: String(port),
      LATCHKEY_DATA: dataFolder,
      LATCHKEY_LOG_LEVEL: 'warn',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = lastWords(child)
  const origin = `http://localhost:${port}`
  return {
    origin,
    ended,
    async ready() {
      await Promise.race([
        untilReady(origin),
        ended.then((words) => Promise.reject(new Error(`Latchkey did not come up:\n${words}`))),
      ])
      const file = await readFile(join(dataFolder, 'operator-key.json'), 'utf8')
      return OperatorKey.parse(JSON.parse(file))
    },
    stop: () => stop(child, ended),
  }
}

async function untilReady(origin: string): Promise<void> {
  const deadline = performance.now() + readyWithinMs
  while (performance.now() < deadline) {
    const response = await fetch(`${origin}/readyz`).catch(() => undefined)
    await response?.body?.cancel()
    if (response?.ok === true) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`Latchkey did not answer at ${origin} within ${readyWithinMs / 1000} s`)
}

function lastWords(child: ChildProcess): Promise<string> {
  let words = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-4_000)
    })
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(String(error)))
    child.once('close', () => resolve(words))
  })
}

async function stop(child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.kill('SIGTERM')
  // A server that does not finish what is under way is not waited for.
  const hard = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await ended
  clearTimeout(hard)
}
