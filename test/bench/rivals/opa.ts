// Open Policy Agent, where it is installed: a server of its own, asked over its REST API.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { endsWithUs, freePort } from '../deployment.ts'
import { serverCpu } from '../side-by-side.ts'
import type { TaggedWorld, WorldCaller, WorldRequest } from '../tagged-world.ts'

/** An engine that answers over HTTP. */
export interface AskedOverHttp {
  readonly name: string
  /** Where one request is decided, by POST. */
  readonly url: string
  bodyOf(request: WorldRequest): string
  allows(request: WorldRequest): Promise<boolean>
  stop(): Promise<void>
}

/** Look-ups, as OPA advises for many rules of one kind: the statements are data, and the rule is one. */
const policy = `package tagged

default allow := false

allow if {
  caller := data.world.callers[input.caller]
  resource := data.world.resources[input.resource]
  resource.owner == caller.organization
  resource.team == caller.team
  resource.env in caller.environments[input.operation]
}
`
const headers = { 'content-type': 'application/json' }
const startMsMax = 20_000

/** `undefined`: there is no `opa` on the path. */
export async function opa(world: TaggedWorld): Promise<AskedOverHttp | undefined> {
  const told = spawnSync('opa', ['version'], { encoding: 'utf8' })
  if (told.status !== 0) return undefined
  const origin = `http://127.0.0.1:${await freePort()}`
  const child = startServer(origin)
  await ready(origin)
  await put(`${origin}/v1/data/world`, 'application/json', JSON.stringify(dataOf(world)))
  await put(`${origin}/v1/policies/tagged`, 'text/plain', policy)
  const url = `${origin}/v1/data/tagged/allow`
  return {
    name: `OPA ${/Version: (\S+)/.exec(told.stdout)?.[1] ?? 'of no version'}`,
    url,
    bodyOf,
    allows: async (request) => {
      const response = await fetch(url, { method: 'POST', headers, body: bodyOf(request) })
      const { result } = (await response.json()) as { result?: unknown }
      if (typeof result !== 'boolean') throw new Error(`OPA answered ${response.status} without a result`)
      return result
    },
    stop: async () => {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

function startServer(origin: string): ChildProcess {
  const args = ['run', '--server', '--addr', new URL(origin).host, '--log-level', 'error']
  const all = ['opa', ...args, '--skip-version-check']
  const [command = '', ...rest] = serverCpu === undefined ? all : ['taskset', '-c', String(serverCpu), ...all]
  return endsWithUs(spawn(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] }))
}

async function ready(origin: string): Promise<void> {
  const until = performance.now() + startMsMax
  const answers = () =>
    fetch(`${origin}/health`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await answers())) {
    if (performance.now() > until) throw new Error(`OPA does not answer at ${origin}`)
    await pause(50)
  }
}

async function put(url: string, type: string, body: string): Promise<void> {
  const response = await fetch(url, { method: 'PUT', headers: { 'content-type': type }, body })
  if (!response.ok) throw new Error(`OPA answered ${response.status}: ${await response.text()}`)
}

function dataOf({ callers, resources }: TaggedWorld): object {
  const ofCallers = callers.map((caller) => [
    caller.id,
    { organization: caller.organization, team: caller.team, environments: environmentsOf(caller) },
  ])
  return { callers: Object.fromEntries(ofCallers), resources: Object.fromEntries(resources) }
}

/** By operation. */
function environmentsOf({ statements }: WorldCaller): Record<string, readonly string[]> {
  const environments: Record<string, readonly string[]> = {}
  for (const statement of statements)
    for (const operation of statement.operations)
      environments[operation] = [...(environments[operation] ?? []), ...statement.environments]
  return environments
}

function bodyOf({ caller, operation, resource }: WorldRequest): string {
  return JSON.stringify({ input: { caller: caller.id, operation, resource } })
}
