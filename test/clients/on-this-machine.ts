import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** Why tests that need something of this machine are left out, if so; said aloud, so that nobody takes them for passed. */
export function lacking(what: string, isThere: () => boolean, install: string): string | undefined {
  if (isThere()) return undefined
  console.log(`tests with ${what} are left out: it is not on this machine (${install})`)
  return what
}

export const hasFiles = (...paths: readonly string[]): boolean => paths.every((path) => existsSync(path))

/** Whether a command ends well. */
export function runs(command: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    // What the machine does not have, or not whole, is what is asked here.
    return false
  }
}

const startMsMax = 40_000

export interface Started {
  stop(): Promise<void>
}

/** Starts a server as a process of its own, and waits until it answers anything at the address. */
export async function startServerProcess(
  command: string,
  args: readonly string[],
  { answersAt, env = {} }: { readonly answersAt: string; readonly env?: Readonly<Record<string, string>> },
): Promise<Started> {
  // In a process group of its own: Apache ends with all of its group, which would be these tests.
  const child = spawn(command, args, {
    ...{ env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  })
  process.once('exit', () => child.kill())
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      said = (said + String(chunk)).slice(-10_000)
    })
  const until = Date.now() + startMsMax
  while (!(await answers(answersAt))) {
    if (child.exitCode !== null || Date.now() > until) {
      await end(child)
      throw new Error(`${command} does not answer at ${answersAt}:\n${said}`)
    }
    await pause(100)
  }
  return { stop: () => end(child) }
}

async function answers(address: string): Promise<boolean> {
  try {
    await fetch(address, { redirect: 'manual' })
    return true
  } catch {
    // Nobody listens yet.
    return false
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}
