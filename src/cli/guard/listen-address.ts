import { once } from 'node:events'
import { lstat, stat, unlink } from 'node:fs/promises'
import type { Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { dirname } from 'node:path'
import { Failure } from '../failure.ts'

/** Where the guard is asked. */
export type ListenAddress =
  | { readonly kind: 'port'; readonly host: string; readonly port: number }
  /** A Unix socket. A request through one costs the guard less than through TCP; `npm run bench` tells how much. */
  | { readonly kind: 'socket'; readonly path: string }

/** What fits into `sockaddr_un` on every platform; a longer path would be cut without a word. */
const socketPathBytesMax = 103

/** @throws {Failure} exit code 2 */
export function listenAddress(text: string): ListenAddress {
  if (text.startsWith('unix:')) return socketAddress(text)
  const [, bracketed, plain, port] = /^(?:\[([\da-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || Number(port) > 65_535)
    throw new Failure(`${text} is no address to listen at`, {
      exitCode: 2,
      fix: 'give host and port: 127.0.0.1:9090, or [::1]:9090; or a Unix socket: unix:/run/latchkey/guard.sock',
    })
  return { kind: 'port', host, port: Number(port) }
}

function socketAddress(text: string): ListenAddress {
  const path = text.slice('unix:'.length)
  if (path.startsWith('/') && !path.includes('\0') && Buffer.byteLength(path) <= socketPathBytesMax)
    return { kind: 'socket', path }
  throw new Failure(`${text} is no Unix socket to listen at`, {
    exitCode: 2,
    fix: `give a whole path of at most ${socketPathBytesMax} bytes: unix:/run/latchkey/guard.sock`,
  })
}

/** Of these, the first host where others on the network can ask, too. */
export function openHost(addresses: readonly ListenAddress[]): string | undefined {
  const hosts = addresses.flatMap((address) => (address.kind === 'port' ? [address.host] : []))
  return hosts.find((host) => !isLoopback(host))
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/**
 * Resolves to the address as it is known then: with the port that was free.
 * @throws {Failure} exit code 2
 */
export async function listening(server: Server, address: ListenAddress): Promise<string> {
  if (address.kind === 'socket') await checkFolder(address.path)
  try {
    if (address.kind === 'socket') await removeLeftOver(address.path)
    listen(server, address)
    await once(server, 'listening')
  } catch (cause) {
    throw new Failure(`cannot listen at ${textOf(address)}`, {
      exitCode: 2,
      fix: fixFor(cause, address),
      cause,
    })
  }
  if (address.kind === 'socket') return textOf(address)
  // Sound: it listens at an address, not at a pipe.
  const { address: host, family, port } = server.address() as AddressInfo
  return family === 'IPv6' ? `http://[${host}]:${port}` : `http://${host}:${port}`
}

function fixFor(cause: unknown, address: ListenAddress): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const folder = address.kind === 'socket' ? dirname(address.path) : undefined
  if (code === 'EACCES' || code === 'EPERM')
    return folder === undefined
      ? 'its user may not listen at this port: name one from 1024 on with --listen'
      : `its user may not put a socket into ${folder}: give it the folder, or name another with --listen`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return 'this machine has no such address: name one of its own with --listen'
  return 'name another address with --listen; another program may listen there'
}

function textOf(address: ListenAddress): string {
  return address.kind === 'socket' ? `unix:${address.path}` : `${address.host}:${address.port}`
}

function listen(server: Server, address: ListenAddress): void {
  if (address.kind === 'port') {
    server.listen(address.port, address.host)
    return
  }
  // For its own user and group alone (0660), from the moment that it is there.
  const before = process.umask(0o117)
  try {
    server.listen({ path: address.path })
  } finally {
    process.umask(before)
  }
}

/**
 * Where anybody may put files, anybody can be there before the guard, and tell the gateway that all may go on.
 * @throws {Failure} exit code 2
 */
async function checkFolder(path: string): Promise<void> {
  const folder = dirname(path)
  const status = await stat(folder).catch(() => undefined)
  if (status?.isDirectory() !== true)
    throw new Failure(
      `cannot listen at unix:${path}: there is no folder ${folder}, or none that its user may see`,
      {
        exitCode: 2,
        fix: `make it first, for its user and group alone: install -d -m 0750 ${folder}`,
      },
    )
  if ((status.mode & anybodyWrites) === 0) return
  throw new Failure(`anybody can put a socket of theirs into ${folder}`, {
    exitCode: 2,
    fix: 'name a folder that none but its user and group can write into: install -d -m 0750 /run/latchkey',
  })
}

const anybodyWrites = 0o002

/** What a process that was killed has left: a socket where nobody answers. */
async function removeLeftOver(path: string): Promise<void> {
  const isSocket = await lstat(path).then(
    (status) => status.isSocket(),
    () => false,
  )
  if (isSocket && !(await isAnswered(path))) await unlink(path)
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect({ path })
  try {
    await once(socket, 'connect')
    return true
  } catch (error) {
    // Whatever else it is: another program's socket is not taken away.
    return !(error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED')
  } finally {
    socket.destroy()
  }
}
