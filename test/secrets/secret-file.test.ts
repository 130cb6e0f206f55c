import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import { readOrMakeSecretFile } from '../../src/secrets/secret-file.ts'

const run = promisify(execFile)

describe('the secret file beside a SQLite store', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('is made once, for its owner alone, and read again ever after', () => {
    const path = join(folder, 'data', 'secrets')
    const made = readOrMakeSecretFile(path, randomBytes)
    expect(readOrMakeSecretFile(path, randomBytes)).toEqual(made)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(() => deploymentSecrets(made, randomBytes)).not.toThrow()
  })

  test('is the same for six processes that start at once, and nothing else is left behind', async () => {
    const path = join(folder, 'secrets')
    const script = `
      import { randomBytes } from 'node:crypto'
      const { readOrMakeSecretFile } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/secrets/secret-file.ts'))})
      console.log(readOrMakeSecretFile(${JSON.stringify(path)}, randomBytes).join())`
    const args = ['--input-type=module', '--eval', script]
    const outputs = await Promise.all(Array.from({ length: 6 }, () => run(process.execPath, args)))
    expect(new Set(outputs.map(({ stdout }) => stdout)).size).toBe(1)
    expect(readdirSync(folder)).toEqual(['secrets'])
  })

  test('that cannot be read stops the start and is named', () => {
    expect(() => readOrMakeSecretFile(folder, randomBytes)).toThrow(folder)
  })
})
