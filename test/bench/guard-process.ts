// `latchkey guard` in a process of its own, as it stands beside nginx.
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { endsWithUs, type Operator, said } from './deployment.ts'

export interface GuardProcess {
  readonly process: ChildProcess
  /** Where a gateway asks. */
  readonly forwardAuth: string
}

interface GuardProcessOptions {
  /** The node that it follows. */
  readonly server: string
  readonly service: string
  readonly secret: string
  /** Pins the process to that core, where `taskset` is at hand. */
  readonly cpu?: number | undefined
  /** A Unix socket where it listens, too. */
  readonly socketPath?: string
}

/** Resolves once it knows its service. */
export async function startGuardProcess({
  server,
  service,
  secret,
  cpu,
  socketPath,
}: GuardProcessOptions): Promise<GuardProcess> {
  const main = join(import.meta.dirname, '../../src/cli/main.ts')
  const args = [main, 'guard', '--server', server, '--service', service, '--gateway', 'nginx']
  const socket = socketPath === undefined ? [] : ['--listen', `unix:${socketPath}`]
  const all = [process.execPath, ...args, ...socket, '--listen', '127.0.0.1:0']
  const [command = '', ...rest] = cpu === undefined ? all : ['taskset', '-c', String(cpu), ...all]
  const child = endsWithUs(
    spawn(command, rest, {
      env: { PATH: process.env['PATH'], NODE_ENV: 'production', LATCHKEY_CLI_KEY: secret },
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  )
  const answering = said(child, '"address":"http:')
  await said(child, 'The guard is ready')
  const { address } = JSON.parse(await answering) as { address: string }
  return { process: child, forwardAuth: `${address}/forward-auth` }
}

/** A key with which a guard of that service follows it, whole as it is given out. */
export async function guardKey({ organizationId, call }: Operator, service: string) {
  const body = { service: 'latchkey', role: 'guard', guards_service: service, name: 'Guard' }
  const { client_id, client_secret } = await call('POST', `/organizations/${organizationId}/keys`, body)
  return { id: String(client_id), secret: String(client_secret) }
}

/** What nginx sends about a client's request. */
export function fromNginx(method: string, uri: string, token: string): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    'x-original-method': method,
    'x-original-uri': uri,
    'x-forwarded-for': '192.0.2.1',
  }
}
