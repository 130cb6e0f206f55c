import { compileResource } from '../evaluator/compiled-resource.ts'
import type { DecisionFacts } from '../evaluator/grant.ts'
import type { Caller, OrganizationRole, ResourceFact } from '../evaluator/model.ts'
import { BoundedMap } from './bounded-map.ts'
import type { OrganizationFact, RoleFact, WireRevocation } from './bundle.ts'
import { type CompiledBundle, compileBundle, type ServiceBundle } from './compiled-bundle.ts'
import type { Deliver } from './decision-log.ts'
import { entitlementOf } from './entitlement-of.ts'
import type { GuardSource } from './guard-source.ts'
import { organizationRoleOf } from './organization-role-of.ts'
import { RevocationIndex } from './revocation-index.ts'

/** What a server tells a guard in its own process. All of it is asked at each check, so it should come from a cache. */
export interface InProcessServer {
  /** The same frozen object until the service changes: what is made from it is kept by it. */
  bundle(): Promise<ServiceBundle>
  organization(id: string): Promise<OrganizationFact | null>
  role(id: string): Promise<RoleFact | null>
  resource(name: string): Promise<ResourceFact | null>
  /** Grows when an entry comes or goes. */
  revocationGeneration(): number
  revocations(): readonly WireRevocation[]
  /** The node has not read the feed for too long. */
  isStale(): boolean
  position(): number
  /** Keeps decisions; absent where none are recorded. */
  readonly deliver?: Deliver
}

const factsMax = 10_000

/** A guard's source in the server's own process: one verifier, no loopback call. */
export function inProcessSource(server: InProcessServer): GuardSource {
  const compiled = new WeakMap<ServiceBundle, CompiledBundle>()
  const facts = sameFacts()
  let revocations = new RevocationIndex()
  let generation: number | undefined
  return {
    bundle: async () => {
      const bundle = await server.bundle()
      const known = compiled.get(bundle)
      if (known !== undefined) return known
      const made = compileBundle(bundle)
      compiled.set(bundle, made)
      return made
    },
    factsFor: async (caller, resources = []) => facts(server, caller, resources),
    isRevoked: (marks) => {
      const now = server.revocationGeneration()
      if (now !== generation) {
        revocations = new RevocationIndex()
        revocations.add(server.revocations())
        generation = now
      }
      return revocations.ends(marks)
    },
    isStale: () => server.isStale(),
    refresh: async () => {},
    ...(server.deliver === undefined ? {} : { deliver: server.deliver }),
    ready: async () => void (await server.bundle()),
    state: () => ({ kind: server.isStale() ? 'stale' : 'following', position: server.position() }),
    close: () => {},
  }
}

/** Asks for a caller's facts and answers with the same roles and entitlements as long as they say the same: grants are kept by them. */
function sameFacts(): (
  server: InProcessServer,
  caller: Caller,
  resources: readonly string[],
) => Promise<DecisionFacts> {
  const entitlements = new BoundedMap<string, readonly string[]>(factsMax)
  const roles = new BoundedMap<string, OrganizationRole>(factsMax)
  return async (server, caller, resources) => {
    const named = caller.roles.filter((role) => role.startsWith('rol_'))
    const asked = Promise.all(resources.map(async (name) => [name, await server.resource(name)] as const))
    const [organization, ...answers] = await Promise.all([
      server.organization(caller.organizationId),
      ...named.map(async (id) => [id, await server.role(id)] as const),
    ])
    const entitlement = sameList(entitlements, caller.organizationId, entitlementOf(organization))
    const now = new Map(answers.map(([id, fact]) => [id, fact === null ? null : sameRole(roles, id, fact)]))
    const found = new Map((await asked).map(([name, fact]) => [name, fact && compileResource(fact)]))
    return {
      role: (id) => now.get(id) ?? null,
      entitlement: (id) => (id === caller.organizationId ? entitlement : null),
      resource: (key) => found.get(key.name),
    }
  }
}

function sameList(
  known: BoundedMap<string, readonly string[]>,
  id: string,
  list: readonly string[],
): readonly string[] {
  const before = known.get(id)
  if (before?.length === list.length && before.every((one, index) => one === list[index])) return before
  known.set(id, list)
  return list
}

function sameRole(known: BoundedMap<string, OrganizationRole>, id: string, fact: RoleFact): OrganizationRole {
  const before = known.get(id)
  const isSame = before?.allow === fact.allow && before.filter === fact.filter
  if (isSame && before?.organizationId === fact.organization_id) return before
  const role = organizationRoleOf(id, fact)
  known.set(id, role)
  return role
}
