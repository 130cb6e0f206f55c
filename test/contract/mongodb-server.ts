import { MongoMemoryReplSet } from 'mongodb-memory-server-core'

/** A server that answers, and how to let go of it. */
export interface MongodbServer {
  readonly url: string
  stop(): Promise<void>
}

const startTimeoutMs = 60_000

/**
 * The server that `MONGODB_URI` names, else one started here, if its binary is on the machine or can be had.
 * `undefined`, loudly, if there is none: the MongoDB half of the contract is then not run.
 */
export async function mongodbServer(): Promise<MongodbServer | undefined> {
  const url = process.env['MONGODB_URI']
  if (url !== undefined) return { url, stop: async () => undefined }
  try {
    const server = await withinTime(
      MongoMemoryReplSet.create({ replSet: { count: 1, storageEngine: 'wiredTiger' } }),
    )
    return {
      url: server.getUri(),
      stop: async () => {
        await server.stop()
      },
    }
  } catch (error) {
    process.stderr.write(`
*************************************************************************************************
  THE MONGODB HALF OF THE STORAGE CONTRACT IS SKIPPED: no server, and none could be started:
  ${error instanceof Error ? error.message : String(error)}
  Set MONGODB_URI to a replica set's address, or MONGOMS_SYSTEM_BINARY to a mongod, to run it.
*************************************************************************************************
`)
    return undefined
  }
}

async function withinTime<T>(started: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no server within ${startTimeoutMs / 1000} s`)), startTimeoutMs)
  })
  try {
    return await Promise.race([started, late])
  } finally {
    clearTimeout(timer)
  }
}
