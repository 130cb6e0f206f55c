import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { Bundle } from './bundle.ts'
import type { FactsSnapshot } from './facts-cache.ts'
import { parseBundle, parseJson, WireError } from './parse-wire.ts'

/** Where a guard's copy is kept. */
export interface CopyFile {
  /** `undefined`: there is none. */
  read(): Promise<string | undefined>
  /** Whole or not at all, readable by its owner alone. */
  write(text: string): Promise<void>
}

/** All that a guard knew, and when, by the server's clock. */
export interface GuardCopy {
  readonly bundle: Bundle
  readonly facts: FactsSnapshot
}

/**
 * `v2.<HMAC-SHA-256>.<JSON>`, under a key that only who has the guard's key can derive: whoever can write the file
 * cannot give themselves access. Guards that pass over what roles say of responses wrote `v1`, and do not read this.
 */
export function sealCopy(copy: GuardCopy, guardKey: string): string {
  const json = JSON.stringify(copy)
  return `v2.${macOf(json, guardKey).toString('base64url')}.${json}`
}

/** @throws {WireError} if it was changed, or was sealed with another key */
export function openCopy(text: string, guardKey: string): GuardCopy {
  const [, mac = '', json = ''] = /^v[12]\.([\w-]{43})\.(.*)$/s.exec(text) ?? []
  const expected = macOf(json, guardKey)
  const given = Buffer.from(mac, 'base64url')
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new WireError("the guard's copy was not written with this key, or was changed")
  const value = parseJson(json)
  if (typeof value !== 'object' || value === null || !('bundle' in value) || !('facts' in value))
    throw new WireError("the guard's copy is of an unknown form")
  // Sound for `facts`: the text is ours, by its authentication code.
  return { bundle: parseBundle(value.bundle), facts: value.facts as FactsSnapshot }
}

function macOf(json: string, guardKey: string): Buffer {
  const key = hkdfSync('sha256', guardKey, '', 'latchkey guard copy v1', 32)
  return createHmac('sha256', new Uint8Array(key)).update(json).digest()
}
