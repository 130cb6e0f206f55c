import { randomBytes } from 'node:crypto'
import type { ResourceFact } from '../../src/evaluator/model.ts'
import type { OrganizationFact, RoleFact, WireRevocation } from '../../src/sdk/bundle.ts'
import type { ServiceBundle } from '../../src/sdk/compiled-bundle.ts'
import { type Guard, type GuardOptions, guardFrom } from '../../src/sdk/guard.ts'
import type { GuardRequest } from '../../src/sdk/guard-answer.ts'
import type { GuardSource } from '../../src/sdk/guard-source.ts'
import { type InProcessServer, inProcessSource } from '../../src/sdk/in-process-source.ts'
import { grantable, nowMs } from './clinic-issuer.ts'

/** What a server would hold, to be changed by a test. */
export interface Held {
  nowMs: number
  bundle: ServiceBundle
  revocations: WireRevocation[]
  isStale: boolean
  organizations: Record<string, OrganizationFact>
  roles: Record<string, RoleFact>
  resources?: Record<string, ResourceFact>
}

export function heldBy(bundle: ServiceBundle): Held {
  const organizations = { org_a: { state: 'active' as const, entitlement: grantable } }
  return { nowMs, bundle, revocations: [], isStale: false, organizations, roles: {} }
}

export function sourceOf(held: Held): GuardSource {
  const server: InProcessServer = {
    bundle: async () => held.bundle,
    organization: async (id) => held.organizations[id] ?? null,
    role: async (id) => held.roles[id] ?? null,
    resource: async (name) => held.resources?.[name] ?? null,
    revocationGeneration: () => held.revocations.length,
    revocations: () => held.revocations,
    isStale: () => held.isStale,
    position: () => 1,
  }
  return inProcessSource(server)
}

export function guardOf(held: Held, options: GuardOptions = {}, source = sourceOf(held)): Guard {
  const machine = { clock: () => held.nowMs, random: (count: number) => randomBytes(count) }
  return guardFrom(source, options, machine)
}

export function get(
  token: string | undefined,
  url = '/v1/patients',
  more: Partial<GuardRequest> = {},
): GuardRequest {
  return { method: 'GET', url, authorization: token === undefined ? [] : `Bearer ${token}`, ...more }
}
