import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { clinicBundle, type Issuer, makeIssuer } from '../../sdk/clinic-issuer.ts'
import { guardKey, LatchkeyServer } from '../../sdk/latchkey-server.ts'
import { type GuardProcess, startGuard } from './guard-process.ts'
import { sendRaw } from './raw-request.ts'

const running: GuardProcess[] = []
let folder: string
let issuer: Issuer
let server: LatchkeyServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-guard-'))
  issuer = await makeIssuer()
  server = await new LatchkeyServer(clinicBundle(issuer)).listen()
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()))
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

async function startAt(path: string): Promise<GuardProcess> {
  const guard = await startGuard(guardKey, [
    ...['--server', server.origin, '--service', 'clinic', '--gateway', 'nginx'],
    ...['--listen', `unix:${path}`],
  ])
  running.push(guard)
  return guard
}

async function askAt(at: Parameters<typeof sendRaw>[0], token: string): Promise<number> {
  const reply = await sendRaw(at, [
    ...['GET /forward-auth HTTP/1.1', 'host: guard', `authorization: Bearer ${token}`],
    ...['x-original-method: GET', 'x-original-uri: /v1/patients'],
  ])
  return reply.status
}

describe('latchkey guard at a Unix socket', () => {
  test('answers there and at a port, its own user and group alone, and leaves no file', async () => {
    const path = join(folder, 'guard.sock')
    const guard = await startAt(path)
    const token = await issuer.sign({}, {}, Date.now())
    for (const at of [{ path }, guard.port])
      expect([await askAt(at, token), await askAt(at, 'x.y.z')]).toEqual([200, 401])
    expect((await stat(path)).mode & 0o777).toBe(0o660)
    await guard.stop()
    await expect(stat(path)).rejects.toThrow('ENOENT')
  })

  test('takes the place of one that was killed, and of nobody else', async () => {
    const path = join(folder, 'left.sock')
    await (await startAt(path)).stop('SIGKILL')
    const guard = await startAt(path)
    await expect(startAt(path)).rejects.toThrow(`cannot listen at unix:${path}`)
    expect(await askAt({ path }, 'x.y.z')).toBe(401)
    await guard.stop()
    await writeFile(path, 'a file of somebody else')
    await expect(startAt(path)).rejects.toThrow(`cannot listen at unix:${path}`)
    expect(await readFile(path, 'utf8')).toBe('a file of somebody else')
  })

  test('does not listen where anybody could be there before it', async () => {
    const open = join(folder, 'open')
    await mkdir(open)
    // As /tmp is.
    await chmod(open, 0o1777)
    await expect(startAt(join(open, 'guard.sock'))).rejects.toThrow(
      `anybody can put a socket of theirs into ${open}`,
    )
  })

  test('says that there is no folder where there is none', async () => {
    const missing = join(folder, 'missing')
    await expect(startAt(join(missing, 'guard.sock'))).rejects.toThrow(`there is no folder ${missing}`)
    await writeFile(missing, 'no folder')
    await expect(startAt(join(missing, 'guard.sock'))).rejects.toThrow(`there is no folder ${missing}`)
  })
})
