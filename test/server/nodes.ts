// Two servers on one store, each a process of its own.
import { fileURLToPath } from 'node:url'
import { expect, vi } from 'vitest'
import type { StoreKind } from '../contract/stores.ts'
import { Operator } from './client.ts'
import { emptyPlace, freePort, newDeploymentSecret } from './deployment.ts'
import { type ServerProcess, startServer } from './processes.ts'

export interface TwoNodes {
  /** The first is where the deployment's origin leads. */
  readonly nodes: readonly [ServerProcess, ServerProcess]
  /** The operator, at the first. */
  readonly operator: Operator
  /** Lets a minute go by, at both. */
  aMinuteLater(): Promise<void>
  stop(): Promise<void>
}

const later = fileURLToPath(new URL('later.ts', import.meta.url))

export async function startTwoNodes(
  { newPlace }: Pick<StoreKind, 'newPlace'>,
  more: Readonly<Record<string, string>> = {},
): Promise<TwoNodes> {
  const undo: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (const one of undo) await one()
  }
  try {
    const place = await newPlace()
    undo.unshift(place.drop)
    const { folder, drop } = await emptyPlace()
    undo.push(drop)
    const port = String(await freePort())
    const environment = {
      LATCHKEY_ORIGIN: `http://127.0.0.1:${port}`,
      LATCHKEY_STORE: place.address,
      LATCHKEY_DATA: folder,
      LATCHKEY_SECRETS: newDeploymentSecret(),
      NODE_OPTIONS: `--import=${later}`,
      ...more,
    }
    const a = await startServer({ ...environment, LATCHKEY_PORT: port })
    undo.unshift(() => a.stop())
    const b = await startServer(environment)
    undo.unshift(() => b.stop())
    const operator = await Operator.at(a.address, folder)
    return { nodes: [a, b], operator, aMinuteLater: () => letAMinuteGoBy([a, b]), stop }
  } catch (cause) {
    await stop()
    throw cause
  }
}

async function letAMinuteGoBy(nodes: readonly ServerProcess[]): Promise<void> {
  const times = () => nodes.map(({ lines }) => lines.filter((line) => line.includes('ms later')).length)
  const before = times()
  for (const node of nodes) node.signal('SIGUSR2')
  // Not `expect.poll`: that is refused in a hook.
  await vi.waitFor(() => expect(times()).toEqual(before.map((count) => count + 1)))
}
