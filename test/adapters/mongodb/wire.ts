import { connect, createServer, type Socket } from 'node:net'
import { BSON, type Document } from 'mongodb'

/** What becomes of a command: passed on, never answered, the connection cut before or after it is done, or answered here. */
type Verdict =
  | 'pass'
  | 'hang'
  | 'cut'
  | 'cut_after'
  | { readonly answer: Document }
  | { readonly instead: Document }

/** A proxy between the driver and the server that reads the wire protocol (OP_MSG) as far as it must to meddle with it. */
export class Wire {
  meddle: (command: Document) => Verdict = () => 'pass'
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer((client) => this.#join(client))
  readonly #upstream: URL
  #isGone = false

  constructor(serverUrl: string) {
    this.#upstream = new URL(serverUrl)
  }

  /** The port to connect to. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return address.port
  }

  /** Breaks all connections and takes no more; or takes them again. */
  setGone(isGone: boolean): void {
    this.#isGone = isGone
    if (isGone) for (const socket of this.#sockets) socket.destroy()
  }

  async close(): Promise<void> {
    this.setGone(true)
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(client: Socket): void {
    if (this.#isGone) return void client.destroy()
    const upstream = connect(Number(this.#upstream.port), this.#upstream.hostname)
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket)
      // What breaks is closed; `close` follows each error.
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    let cutsAnswer = false
    const onCommand = (message: Buffer) => {
      const verdict = this.#verdictOn(message)
      cutsAnswer = verdict === 'cut_after'
      if (verdict === 'pass' || verdict === 'cut_after') upstream.write(message)
      else if (verdict === 'cut') client.destroy()
      else if (typeof verdict === 'object' && 'instead' in verdict)
        upstream.write(withCommand(message, verdict.instead))
      else if (typeof verdict === 'object') client.write(answerTo(message, verdict.answer))
    }
    client.on('data', framed(onCommand))
    upstream.on(
      'data',
      framed((message) => {
        if (cutsAnswer) client.destroy()
        else client.write(message)
      }),
    )
  }

  #verdictOn(message: Buffer): Verdict {
    const command = commandOf(message)
    return command === undefined ? 'pass' : this.meddle(command)
  }
}

const headerLength = 16
const opMsg = 2013
const bodyAt = headerLength + 5

/** Calls with whole messages, however the bytes come. */
function framed(each: (message: Buffer) => void): (data: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (data) => {
    rest = Buffer.concat([rest, data])
    while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
      const length = rest.readInt32LE(0)
      each(rest.subarray(0, length))
      rest = rest.subarray(length)
    }
  }
}

/** The body, which the driver sends first; `undefined` for the older message that opens a connection. */
function commandOf(message: Buffer): Document | undefined {
  if (message.readInt32LE(12) !== opMsg || message[bodyAt - 1] !== 0) return undefined
  return BSON.deserialize(message.subarray(bodyAt, endOfBody(message)), { promoteValues: false })
}

function endOfBody(message: Buffer): number {
  return bodyAt + message.readInt32LE(bodyAt)
}

function withCommand(message: Buffer, command: Document): Buffer {
  const rest = message.subarray(endOfBody(message))
  return sized(Buffer.concat([message.subarray(0, bodyAt), BSON.serialize(command), rest]))
}

function answerTo(message: Buffer, answer: Document): Buffer {
  const start = Buffer.alloc(bodyAt)
  start.writeInt32LE(message.readInt32LE(4), 8)
  start.writeInt32LE(opMsg, 12)
  return sized(Buffer.concat([start, BSON.serialize(answer)]))
}

function sized(message: Buffer): Buffer {
  message.writeInt32LE(message.length, 0)
  return message
}
