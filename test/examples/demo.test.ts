import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Browser } from '../../examples/clinic/demo/browser.ts'

const root = new URL('../..', import.meta.url).pathname
let folder: string

/** The demo as `npm run demo` runs it, with a folder of its own for what is temporary. */
function startDemo(...args: readonly string[]): ChildProcess {
  const demo = ['--conditions=latchkey-source', 'examples/clinic/demo.ts', ...args]
  const env = { ...process.env, TMPDIR: folder }
  return spawn(process.execPath, demo, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] })
}

/** What it has written once this stands in it; all of it, if it ends before. */
function untilSaid({ stdout }: ChildProcess, said: string): Promise<string> {
  let written = ''
  return new Promise((resolve) => {
    stdout?.on('data', (chunk: Buffer) => {
      written += chunk.toString()
      if (written.includes(said)) resolve(written)
    })
    stdout?.once('end', () => resolve(written))
  })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-demo-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

// Three stories with all that they start take a busy machine a while.
describe('npm run demo', { timeout: 120_000 }, () => {
  test('tells the story, all of it as told, and with --exit leaves nothing behind', async () => {
    // Whoever has the usual port (this, if nobody): the demo takes another.
    const busy = createServer().on('error', () => {})
    busy.listen(7700, '127.0.0.1')
    const child = startDemo('--exit')
    const [told] = await Promise.all([untilSaid(child, 'never said'), once(child, 'close')])
    busy.close()
    expect(child.exitCode, told).toBe(0)
    expect(told).not.toContain('did not go as told')
    for (const answer of [
      '← 409',
      '← 201',
      '← 200',
      '← 403 operation_not_in_role',
      '← 401 token_revoked',
      'insufficient_scope',
      'Error: This password will not do: ',
      '“Sign in again”',
      '← 200 {"id":"pat-2001","name":"Chidi Marsh"}',
      '← 403 tag_mismatch',
      '← 404 unknown_resource',
      '← 403 condition_false',
      'ward: the resource has south, the key has north',
    ])
      expect(told).toContain(answer)
    expect(told).not.toContain('http://localhost:7700')
    expect(told).not.toContain('\u001b')
    expect(await readdir(folder)).toEqual([])
  })

  test('stays up, shows each mail as it comes, and Ctrl-C ends the server and removes its store', async () => {
    const child = startDemo()
    const told = await untilSaid(child, 'until Ctrl-C')
    const latchkey = /^Latchkey +(\S+)/m.exec(told)?.[1] ?? ''
    expect((await fetch(`${latchkey}/healthz`)).status).toBe(200)
    const [, email = ''] = /^# +(wren@\S+)/m.exec(told) ?? []
    const mailed = untilSaid(child, `Mail to ${email}`)
    const browser = new Browser()
    await browser.press(await browser.open(`${latchkey}/clinic/login`), 'Continue', { email })
    expect(await mailed).toMatch(/^Mail to wren@willow-lane\.example: Your code for/m)
    child.kill('SIGINT')
    await once(child, 'close')
    expect(child.exitCode).toBe(0)
    await expect(fetch(`${latchkey}/healthz`)).rejects.toThrow('fetch failed')
    expect(await readdir(folder)).toEqual([])
  })
})
