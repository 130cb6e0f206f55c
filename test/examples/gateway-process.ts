// A gateway as its example configures it, at ports of its own.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { anyFreePort } from '../../examples/clinic/demo/free-port.ts'

export type RunGateway = 'nginx' | 'caddy' | 'haproxy'

interface Program {
  readonly args: readonly string[]
  /** What it prints its version with. */
  readonly version: string
}

const programs: Readonly<Record<RunGateway, Program>> = {
  nginx: { args: ['-p', '.', '-c', 'nginx.conf', '-e', 'stderr'], version: '-v' },
  caddy: { args: ['run', '--config', 'Caddyfile'], version: 'version' },
  haproxy: { args: ['-f', 'haproxy.cfg'], version: '-v' },
}

/** Why a gateway cannot be started here, if so. */
export function missing(name: RunGateway): string | undefined {
  const { error } = spawnSync(name, [programs[name].version])
  return error === undefined
    ? undefined
    : `${name} is not installed here: its example is not run (${error.message})`
}

export interface GatewayProcess {
  readonly port: number
  stop(): Promise<void>
}

/** Starts it before an API and beside a guard, all on this machine, and waits until it answers. */
export async function startGateway(
  name: RunGateway,
  ports: { readonly guard: number; readonly api: number },
  change: (configuration: string) => string = (unchanged) => unchanged,
): Promise<GatewayProcess> {
  const port = await anyFreePort()
  const folder = await mkdtemp(join(tmpdir(), `latchkey-${name}-`))
  // Started by root, nginx works as somebody else.
  await chmod(folder, 0o755)
  await cp(new URL(`../../examples/gateways/${name}`, import.meta.url), folder, { recursive: true })
  for (const file of await readdir(folder)) {
    const text = await readFile(join(folder, file), 'utf8')
    const placed = text
      .replaceAll('127.0.0.1:9090', `127.0.0.1:${ports.guard}`)
      .replaceAll('127.0.0.1:7701', `127.0.0.1:${ports.api}`)
      .replaceAll(':8080', `:${port}`)
    await writeFile(join(folder, file), change(placed))
  }
  const child = spawn(name, programs[name].args, {
    cwd: folder,
    // Caddy keeps what it needs at home.
    env: { PATH: process.env['PATH'], HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  await answering(name, child, port)
  return {
    port,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(name === 'haproxy' ? 'SIGINT' : 'SIGTERM')
        await once(child, 'exit')
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function answering(name: string, child: ChildProcess, port: number): Promise<void> {
  let words = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (text: Buffer) => {
      words = (words + text.toString()).slice(-4_000)
    })
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`${name} did not start:\n${words}`)
    if (await connects(port)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${name} does not listen:\n${words}`)
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
