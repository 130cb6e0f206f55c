import { randomUUID } from 'node:crypto'
import { type Db, MongoClient, type MongoClientOptions, MongoNetworkError } from 'mongodb'
import type { Place } from './stores.ts'

interface MongoPlace extends Place {
  /** Looks at the database behind the store's back. */
  behind<T>(look: (database: Db) => Promise<T>): Promise<T>
}

/** A database of its own on the server. */
export function newMongoPlace(serverUrl: string): MongoPlace {
  const name = `db_${randomUUID().replaceAll('-', '')}`
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  const address = url.toString()

  async function behind<T>(look: (database: Db) => Promise<T>, options: MongoClientOptions = {}): Promise<T> {
    const client = new MongoClient(address, options)
    try {
      return await look(client.db(name))
    } finally {
      await client.close()
    }
  }

  return {
    address,
    behind,
    makeNewer: async () => {
      await behind((database) =>
        database.collection<{ _id: string }>('meta').updateOne({ _id: 'schema' }, { $set: { version: 999 } }),
      )
    },
    // A server keeps the locks of a killed process's transaction for a minute or two, and dropping waits for them: it
    // is asked to drop, and does it when it can.
    drop: async () => {
      const asked = behind((database) => database.dropDatabase(), { socketTimeoutMS: 10_000 })
      await asked.catch((error: unknown) => {
        if (!(error instanceof MongoNetworkError)) throw error
      })
    },
  }
}
