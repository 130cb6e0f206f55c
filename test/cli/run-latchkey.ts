import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const command = new URL('../../src/cli/main.ts', import.meta.url).pathname

/** Nobody has signed in there: whoever runs the tests may have, elsewhere. */
const nobodysHome = join(tmpdir(), 'latchkey-nobody')

/** Runs the command as a process of its own, with nothing of this one's `LATCHKEY_…` environment. */
export async function runLatchkey(
  args: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>
    readonly input?: string
    readonly cwd?: string
  } = {},
): Promise<Ran> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('LATCHKEY_'))
  const child = spawn(process.execPath, [command, ...args], {
    env: { ...Object.fromEntries(inherited), XDG_CONFIG_HOME: nobodysHome, ...options.env },
    cwd: options.cwd,
  })
  child.stdin.on('error', () => {}) // It may end without reading.
  child.stdin.end(options.input ?? '')
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { code, stdout, stderr }
}
