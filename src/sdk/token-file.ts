import { mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { copyFileAt } from './copy-file.ts'

/** Where what renews a person's tokens is kept. It is as good as a key: for the person's eyes alone. */
export interface TokenStore {
  /** `undefined`: there is none. */
  read(): Promise<string | undefined>
  /** Whole or not at all. */
  write(text: string): Promise<void>
  remove(): Promise<void>
}

/** A file that its owner alone can read, in a folder that its owner alone can open. */
export function tokenFileAt(path: string): TokenStore {
  const file = copyFileAt(path)
  return {
    read: () => file.read(),
    write: async (text) => {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await file.write(text)
    },
    remove: () => rm(path, { force: true }),
  }
}
