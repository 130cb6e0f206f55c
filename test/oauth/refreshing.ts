import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../../src/clock.ts'
import type { ServiceId } from '../../src/ids.ts'
import { refreshTokenAdapter } from '../../src/oauth/refresh-token-adapter.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import type { Artifacts } from '../../src/storage/ports.ts'

interface Node {
  readonly artifacts: Artifacts
  readonly clock: Clock
  readonly secrets: readonly string[]
}

/**
 * One node's refresh tokens, used as the library uses them (lib/actions/grants/refresh_token.js): it reads, checks, then
 * consumes, and saves the successor. Between any two steps some time passes: without it the race does not show.
 */
export function refreshing({ artifacts, clock, secrets }: Node, serviceId: ServiceId, delayMsMax = 0) {
  const slowly = async <T>(step: Promise<T>): Promise<T> => {
    await pause(Math.random() * delayMsMax)
    const done = await step
    await pause(Math.random() * delayMsMax)
    return done
  }
  const deps = { artifacts, clock, secrets: deploymentSecrets(secrets, randomBytes) }
  const adapterFor = (onRotate: (successor: string) => void) => refreshTokenAdapter(deps, serviceId, onRotate)
  const idle = adapterFor(() => {})
  return {
    adapter: idle,
    issue: (token: string) => idle.upsert(token, { grantId: 'family' }, 3_600),
    /** The successor, or why there is none. */
    use: async (token: string): Promise<string> => {
      let successor: string | undefined
      const adapter = adapterFor((value) => {
        successor = value
      })
      const found = await slowly(adapter.find(token))
      if (found === undefined) return 'not found'
      if (found.consumed !== undefined) {
        await adapter.revokeByGrantId('family')
        return 'family revoked'
      }
      try {
        await slowly(adapter.consume(token) as Promise<void>)
      } catch {
        return 'refused'
      }
      if (successor === undefined) throw new Error('no successor was named')
      await slowly(adapter.upsert(successor, { grantId: 'family' }, 3_600))
      return successor
    },
  }
}
