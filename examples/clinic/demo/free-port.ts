import { createServer } from 'node:net'

/** The wanted port if nothing listens there, else any that is free. */
export async function freePort(wanted: number): Promise<number> {
  // `localhost` is both: a stranger at either would get what is meant for us.
  const isFree =
    (await listens(wanted, '127.0.0.1')) !== undefined && (await listens(wanted, '::1')) !== undefined
  return isFree ? wanted : anyFreePort()
}

/** A port at which nothing listens now. */
export async function anyFreePort(): Promise<number> {
  const port = await listens(0, '127.0.0.1')
  if (port === undefined) throw new Error('no port is free')
  return port
}

/** The port that could be listened at, for a moment; `undefined` if it is taken. */
function listens(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined)
      // A machine without IPv6 has nobody there either.
      else if (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT') resolve(port)
      else reject(error)
    })
    server.listen(port, host, () => {
      const address = server.address()
      const listened = typeof address === 'object' && address !== null ? address.port : port
      server.close(() => resolve(listened))
    })
  })
}
