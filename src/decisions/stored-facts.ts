import { type CompiledResource, compileResource } from '../evaluator/compiled-resource.ts'
import type { ResourceFact } from '../evaluator/model.ts'
import { entitlementOf } from '../sdk/entitlement-of.ts'
import type { GuardSource } from '../sdk/guard-source.ts'
import { organizationRoleOf } from '../sdk/organization-role-of.ts'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'
import { organizationFact, resourceFact, roleFact } from './facts.ts'

/**
 * What decisions about a service go by, read from the store for one question. What is made of it is not kept, as a guard
 * keeps it: for what is asked now and then.
 */
export function storedFacts(records: Records, service: Service): GuardSource['factsFor'] {
  return async (caller, names = []) => {
    const own = caller.roles.filter((role) => role.startsWith('rol_'))
    const [organization, roles, resources] = await Promise.all([
      organizationFact(records, service, caller.organizationId),
      answers(own, (id) => roleFact(records, service, id)),
      answers(names, async (name) => compiled(await resourceFact(records, service, name))),
    ])
    const entitlement = entitlementOf(organization)
    const held = new Map([...roles].map(([id, fact]) => [id, fact && organizationRoleOf(id, fact)]))
    return {
      role: (id) => held.get(id) ?? null,
      entitlement: (id) => (id === caller.organizationId ? entitlement : null),
      resource: (key) => resources.get(key.name),
    }
  }
}

function compiled(fact: ResourceFact | null): CompiledResource | null {
  return fact && compileResource(fact)
}

async function answers<F>(
  names: readonly string[],
  answer: (name: string) => Promise<F | null>,
): Promise<ReadonlyMap<string, F | null>> {
  return new Map(await Promise.all(names.map(async (name) => [name, await answer(name)] as const)))
}
