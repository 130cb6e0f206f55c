import { readFile, rename, writeFile } from 'node:fs/promises'
import type { CopyFile } from './guard-copy.ts'

/** Several in one process may write the same file at once. */
let writes = 0

/** A guard's copy in a file of the machine. */
export function copyFileAt(path: string): CopyFile {
  return {
    async read() {
      try {
        return await readFile(path, 'utf8')
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
        throw error
      }
    },
    async write(text) {
      // Several guards of one machine may share the file.
      const unfinished = `${path}.${process.pid}.${++writes}.tmp`
      await writeFile(unfinished, text, { mode: 0o600, flush: true })
      await rename(unfinished, path)
    },
  }
}
