import { randomUUID } from 'node:crypto'
import { type Db, MongoClient } from 'mongodb'
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

  async function behind<T>(look: (database: Db) => Promise<T>): Promise<T> {
    const client = new MongoClient(address)
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
    drop: async () => {
      await behind((database) => database.dropDatabase())
    },
  }
}
