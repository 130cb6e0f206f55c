import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll } from 'vitest'
import { newMongoPlace } from './mongo-place.ts'
import { mongodbServer } from './mongodb-server.ts'

/** Somewhere that a store can be opened, empty at first. */
export interface Place {
  /** As `openAt` reads it. */
  readonly address: string
  /** Leaves the store as a later version of the program would: with a schema that this one does not know. */
  makeNewer(): Promise<void>
  /** Deletes it, whatever is in it. */
  drop(): Promise<void>
}

export interface StoreKind {
  readonly name: string
  /** May be opened twice, and by other processes. */
  readonly isShared: boolean
  newPlace(): Promise<Place>
}

const sqliteFile: StoreKind = {
  name: 'sqlite in a file',
  isShared: true,
  newPlace: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-contract-'))
    const path = join(folder, 'store', 'latchkey.db')
    return {
      address: `sqlite:${path}`,
      makeNewer: async () => {
        using database = new DatabaseSync(path)
        database.exec(`UPDATE meta SET value = 999 WHERE name = 'schema_version'`)
      },
      drop: () => rm(folder, { recursive: true, force: true }),
    }
  },
}

const sqliteMemory: StoreKind = {
  name: 'sqlite in memory',
  isShared: false,
  newPlace: async () => ({
    address: 'sqlite::memory:',
    makeNewer: async () => undefined,
    drop: async () => undefined,
  }),
}

const server = await mongodbServer()
afterAll(() => server?.stop())

const mongodb: readonly StoreKind[] =
  server === undefined
    ? []
    : [{ name: 'mongodb', isShared: true, newPlace: async () => newMongoPlace(server.url) }]

/** Every store that the contract is run against. */
export const stores: readonly StoreKind[] = [sqliteFile, sqliteMemory, ...mongodb]
