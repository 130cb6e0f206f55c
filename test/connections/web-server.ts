// Real servers for tests of what goes out: plain ones, and one with a certificate of an authority of its own.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface WebServer {
  readonly origin: string
  readonly port: number
  /** `METHOD /path` of each request that came. */
  readonly requests: string[]
  close(): Promise<void>
}

export function startServer(answer: RequestListener, host = '127.0.0.1'): Promise<WebServer> {
  return listening((counted) => createServer(counted), 'http', answer, host)
}

export function startSecureServer(answer: RequestListener, { key, cert }: Certificate): Promise<WebServer> {
  return listening((counted) => createSecureServer({ key, cert }, counted), 'https', answer, '127.0.0.1')
}

async function listening(
  make: (answer: RequestListener) => Server,
  scheme: string,
  answer: RequestListener,
  host: string,
): Promise<WebServer> {
  const requests: string[] = []
  const server = make((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    answer(request, response)
  }).listen(0, host)
  await once(server, 'listening')
  // A server that listens on a port, not on a pipe, has an `AddressInfo`.
  const { port } = server.address() as AddressInfo
  const shown = host.includes(':') ? `[${host}]` : host
  return {
    ...{ origin: `${scheme}://${shown}:${port}`, port, requests },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export interface Certificate {
  readonly key: string
  readonly cert: string
}

/** A certificate for a host, signed by itself: its own authority. */
export function selfSigned(host: string): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-certificate-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  try {
    execFileSync(
      'openssl',
      [
        ...[
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:prime256v1',
          '-nodes',
          '-days',
          '2',
        ],
        ...['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`, '-keyout', key, '-out', cert],
      ],
      { stdio: 'ignore' },
    )
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
