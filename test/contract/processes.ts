import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** A process that runs `child.ts`, or another script that begins as it does. */
export interface Child {
  /** Lets it begin. */
  go(): void
  /** What it says next; rejects if it ends without. */
  next(): Promise<unknown>
  /** What it has said since, without waiting. */
  heard(): readonly unknown[]
  /** Ends it where it is (SIGKILL), with no chance to finish. */
  kill(): Promise<void>
  /** Resolves when it has ended well, rejects if it has not. */
  end(): Promise<void>
}

const storeScript = fileURLToPath(new URL('child.ts', import.meta.url))

/** Starts it, and resolves when it has opened the store. */
export async function startChild(
  address: string,
  task: string,
  args: unknown,
  script = storeScript,
): Promise<Child> {
  const child = spawn(process.execPath, [script, address, task, JSON.stringify(args)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const said = spokenBy(child)
  const ended = once(child, 'close')
  await said.next()
  return {
    ...said,
    go: () => child.stdin.write('go\n'),
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
    end: async () => {
      await ended
      if (child.exitCode !== 0) throw new Error(`the child failed: ${said.complaints()}`)
    },
  }
}

function spokenBy(child: ChildProcessByStdio<Writable, Readable, Readable>) {
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  const waiting: unknown[] = []
  let hasEnded = false
  let wake = () => {}
  createInterface({ input: child.stdout })
    .on('line', (line) => {
      waiting.push(JSON.parse(line))
      wake()
    })
    .on('close', () => {
      hasEnded = true
      wake()
    })
  return {
    complaints: () => complaints,
    heard: () => waiting.splice(0),
    next: async (): Promise<unknown> => {
      while (waiting.length === 0) {
        if (hasEnded) throw new Error(`the child ended without a word: ${complaints}`)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return waiting.shift()
    },
  }
}
