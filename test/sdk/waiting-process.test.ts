import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

test('a process that only waits for a token lives until it is told that the server cannot be reached', async () => {
  const index = join(import.meta.dirname, '../../src/sdk/index.ts')
  const key = 'lk_live_00000000000000000000000000_none'
  const script = `
    const { createTokenSource } = await import(${JSON.stringify(index)})
    const tokens = createTokenSource({
      tokenEndpoint: 'http://127.0.0.1:${await closedPort()}/clinic/oauth/token',
      key: ${JSON.stringify(key)},
      clientId: 'key_00000000000000000000000000',
    })
    console.log(await tokens.token().catch((error) => error.code))`
  // Node ends with code 13, and nothing printed, where nothing holds a process that still awaits.
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script])
  expect(stdout.trim()).toBe('unreachable')
})

/** A port that was free a moment ago: nobody answers there. */
function closedPort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
