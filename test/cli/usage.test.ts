import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runLatchkey } from './run-latchkey.ts'

const secret = `lk_live_01jz8x6v0kq3m5n7p9r1s3t5v7_${'0'.repeat(49)}`
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-cli-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('the command, given wrongly, ends with 2', () => {
  test('an unknown command is answered with the nearest known one', async () => {
    const { code, stderr } = await runLatchkey(['keys', 'lst'])
    expect(code).toBe(2)
    expect(stderr).toContain('Did you mean list?')
  })

  test('without a key it says where one is to be found', async () => {
    const { code, stderr } = await runLatchkey(['keys', 'list'], { cwd: folder })
    expect(code).toBe(2)
    expect(stderr).toContain('no key can be read from ./data/operator-key.json')
    expect(stderr).toContain('--key-file')
  })

  test('what is no key is refused without being repeated', async () => {
    const { code, stderr } = await runLatchkey(['keys', 'list'], {
      env: { LATCHKEY_CLI_KEY: 'lk_live_typo' },
    })
    expect(code).toBe(2)
    expect(stderr).toContain('LATCHKEY_CLI_KEY holds no client key')
    expect(stderr).not.toContain('typo')
  })

  test('an unknown LATCHKEY_CLI_ variable is named', async () => {
    const { code, stderr } = await runLatchkey(['keys', 'list'], { env: { LATCHKEY_CLI_SERVR: 'x' } })
    expect(code).toBe(2)
    expect(stderr).toContain('unknown LATCHKEY_CLI_SERVR')
  })

  test('a limit that is no number', async () => {
    const { code, stderr } = await runLatchkey(['keys', 'list', '--limit', '-3'])
    expect(code).toBe(2)
    expect(stderr).toContain('whole number')
  })
})

describe('the command, without a server, ends with 3', () => {
  test('and says how to start one or set another', async () => {
    // Bound and closed again, so that nothing listens there.
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await new Promise((resolve) => server.close(resolve))
    const origin = `http://127.0.0.1:${port}`
    const { code, stderr } = await runLatchkey(['keys', 'list', '--key-file', '-', '--server', origin], {
      input: secret,
    })
    expect(code).toBe(3)
    expect(stderr).toContain(`no answer from ${origin}`)
    expect(stderr).toContain('npm start')
    expect(stderr).toContain('--server')
  })
})

describe('the key', () => {
  test('is read from --key-file before the environment', async () => {
    const path = join(folder, 'key.json')
    await writeFile(path, '{}')
    const { code, stderr } = await runLatchkey(['keys', 'list', '--key-file', path], {
      env: { LATCHKEY_CLI_KEY: secret },
    })
    expect(code).toBe(2)
    expect(stderr).toContain(`${path} holds no client key`)
  })

  test('as a bare secret needs --service to be made into a token', async () => {
    const { code, stderr } = await runLatchkey(['token'], { env: { LATCHKEY_CLI_KEY: secret } })
    expect(code).toBe(2)
    expect(stderr).toContain('--service')
  })
})
