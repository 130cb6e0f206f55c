import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

export interface Received {
  readonly to: readonly string[]
  readonly from: string
  readonly raw: string
}

/** A real mail server on this machine that keeps what it takes. */
export async function startMailServer(options: SMTPServerOptions = {}) {
  const received: Received[] = []
  const server = new SMTPServer({
    ...{ authOptional: true, hideSTARTTLS: true, disabledCommands: ['STARTTLS'] },
    onData: (stream, { envelope }, done) => {
      text(stream).then(
        (raw) => {
          const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
          received.push({ to: envelope.rcptTo.map(({ address }) => address), from, raw })
          done()
        },
        (error: Error) => done(error),
      )
    },
    ...options,
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // It listens on a port, so that the address is no pipe's.
  const { port } = server.server.address() as AddressInfo
  return {
    received,
    url: `smtp://127.0.0.1:${port}`,
    port,
    stop: () => new Promise<void>((resolve) => server.close(resolve)),
  }
}
