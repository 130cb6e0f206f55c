import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { passwordHasher } from '../../src/users/argon2.ts'
import { type DerivingThreads, derivingThreads } from '../../src/users/argon2-threads.ts'

let threads: DerivingThreads
afterEach(() => threads.close())

const cheap = { memory: 64, passes: 1, parallelism: 1 }
const parameters = { message: 'a passphrase', nonce: Buffer.alloc(16), tagLength: 32, ...cheap }

/** The nice value (proc_pid_stat(5), field 19) of each thread of this process. */
async function priorities(): Promise<ReadonlyMap<string, number>> {
  const ids = await readdir('/proc/self/task')
  const stats = await Promise.all(ids.map((id) => readFile(`/proc/self/task/${id}/stat`, 'utf8')))
  return new Map(stats.map((stat, i) => [ids[i] ?? '', Number(stat.split(') ')[1]?.split(' ')[16])]))
}

describe('threads for passwords', () => {
  test('make the very hash that is made without them, and tell a wrong password', async () => {
    threads = derivingThreads()
    const apart = passwordHasher(randomBytes, { cost: cheap, derive: threads.derive })
    const here = passwordHasher(randomBytes, { cost: cheap })
    const hash = await apart.hash('a long passphrase')
    expect(await here.verify(hash, 'a long passphrase')).toBe(true)
    expect(await apart.verify(await here.hash('another one'), 'another one')).toBe(true)
    expect(await apart.verify(hash, 'a wrong passphrase')).toBe(false)
  })

  test('are kept for what comes later, and are as many as what is asked at once', async ({ skip }) => {
    threads = derivingThreads()
    if (process.platform !== 'linux') skip('only Linux says which threads there are')
    const before = (await readdir('/proc/self/task')).length
    await threads.derive(parameters)
    const one = (await readdir('/proc/self/task')).length - before
    for (let n = 0; n < 5; n += 1) await threads.derive(parameters)
    expect((await readdir('/proc/self/task')).length - before).toBe(one)
    await Promise.all([threads.derive(parameters), threads.derive(parameters)])
    expect((await readdir('/proc/self/task')).length - before).toBeGreaterThan(one)
  })

  test('stand back for the event loop, and for it alone', async ({ skip }) => {
    threads = derivingThreads()
    if (process.platform !== 'linux') skip('only Linux knows the priority of a thread')
    const before = await priorities()
    await threads.derive(parameters)
    const after = await priorities()
    for (const [id, nice] of before) expect(after.get(id) ?? nice).toBe(nice)
    const added = [...after].filter(([id]) => !before.has(id)).map(([, nice]) => nice)
    expect(added).toContain(10)
  })

  test('of a process that stands back further do not come before it', ({ skip }) => {
    if (process.platform !== 'linux') skip('only Linux knows the priority of a thread')
    const file = join(import.meta.dirname, 'nice-threads.ts')
    const { stdout } = spawnSync('nice', ['-n', '15', process.execPath, file], { encoding: 'utf8' })
    expect(JSON.parse(stdout)).toEqual({ length: 32, lowest: 15 })
  })

  test('refuse what they cannot do, and go on with another thread', async () => {
    threads = derivingThreads()
    await expect(threads.derive({ ...parameters, memory: -1 })).rejects.toThrow('was not hashed')
    expect(await threads.derive(parameters)).toHaveLength(32)
  })

  test('that are closed while they work refuse it, and none is left', async () => {
    threads = derivingThreads()
    const work = threads.derive({ ...parameters, memory: 65_536, passes: 20 })
    const refused = expect(work).rejects.toThrow('was not hashed')
    await threads.close()
    await refused
    await expect(threads.derive(parameters)).rejects.toThrow('are closed')
  })
})
