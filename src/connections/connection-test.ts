import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import type { ConnectionId } from '../ids.ts'
import type { Collection, Stored } from '../storage/ports.ts'
import type { Mapping } from './mapping.ts'

/** How the last test of a connection went. */
export type TestState =
  | {
      readonly kind: 'under_way'
      /** SHA-256 of the `state` that comes back, in base64url. */
      readonly stateHash: string
      /** What the sign-in needs again, sealed under the label `connection-tests` and bound to the connection's id. */
      readonly sealedKeep: string
      /** Of the connection: what is changed meanwhile was not tested. */
      readonly connectionVersion: number
    }
  | {
      readonly kind: 'passed'
      readonly endedAt: EpochMs
      /** What the provider said, masked. */
      readonly claims: Readonly<Record<string, unknown>>
      readonly roles: readonly Mapping['defaultRoles'][number][]
      readonly tags: Readonly<Record<string, readonly string[]>>
    }
  | {
      readonly kind: 'failed'
      readonly endedAt: EpochMs
      readonly detail: string
      readonly fix: string | null
      /** Empty if it did not come so far. */
      readonly claims: Readonly<Record<string, unknown>>
    }

/** The last test of a connection, kept under the connection's id. */
export interface ConnectionTest extends Stored {
  readonly id: ConnectionId
  readonly begunAt: EpochMs
  readonly state: TestState
}

export const connectionTests: Collection<ConnectionTest> = {
  name: 'connection_tests',
  schema: z.custom<ConnectionTest>((value) => typeof value === 'object' && value !== null),
  indexes: { all: { keys: () => [''] } },
}

/** After that a test that was begun is over. */
export const testMsMax = 15 * 60_000

export function isOver({ begunAt }: ConnectionTest, nowMs: EpochMs): boolean {
  return nowMs - begunAt >= testMsMax
}
