import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { decode, encode } from 'dns-packet'

/** A name server on this machine, for a domain that is nobody's: it knows the TXT records that it is given. */
export async function startNameServer() {
  const records = new Map<string, string>()
  const socket = createSocket('udp4')
  socket.on('message', (message, { port, address }) => {
    const { id, questions = [] } = decode(message)
    const answers = questions.flatMap(({ name, type }) => {
      const data = type === 'TXT' ? records.get(name.toLowerCase()) : undefined
      return data === undefined ? [] : [{ type: 'TXT', name, data } as const]
    })
    socket.send(encode({ type: 'response', id: id ?? 0, questions, answers }), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    /** As `LATCHKEY_NAME_SERVERS` takes it. */
    address: `127.0.0.1:${socket.address().port}`,
    publish(name: string, text: string): void {
      records.set(name, text)
    },
    close(): void {
      socket.close()
    },
  }
}

export type NameServer = Awaited<ReturnType<typeof startNameServer>>
