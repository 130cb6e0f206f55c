import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The version of a package that is measured: the one that is there, not the one that was asked for. */
export function installedVersion(name: string): string {
  const file = join(import.meta.dirname, '../../../node_modules', name, 'package.json')
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
  return version
}
