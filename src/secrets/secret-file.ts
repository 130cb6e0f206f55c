import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Random } from '../clock.ts'

/**
 * The deployment secrets beside a SQLite store, one a line, newest first; one is made where there is none. Safe from
 * several processes at once: one makes it, all read it.
 * @throws {Error} naming the file if it can be neither read nor made
 */
export function readOrMakeSecretFile(path: string, random: Random): readonly string[] {
  try {
    return linesOf(path)
  } catch (cause) {
    if (!isMissing(cause)) throw new Error(`the deployment secrets in ${path} cannot be read`, { cause })
  }
  makeSecretFile(path, random)
  return linesOf(path)
}

function makeSecretFile(path: string, random: Random): void {
  const secret = Buffer.from(random(32)).toString('base64url')
  const mine = `${path}.${Buffer.from(random(6)).toString('hex')}.tmp`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(mine, `${secret}\n`, { flag: 'wx', mode: 0o600, flush: true })
    try {
      // A link appears whole or not at all, and never replaces what another process made first.
      linkSync(mine, path)
    } finally {
      unlinkSync(mine)
    }
  } catch (cause) {
    if (isCode(cause, 'EEXIST')) return
    throw new Error(`the deployment secret cannot be written to ${path}`, { cause })
  }
}

function linesOf(path: string): readonly string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

function isMissing(error: unknown): boolean {
  return isCode(error, 'ENOENT')
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
