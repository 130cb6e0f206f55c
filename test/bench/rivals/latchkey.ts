import { compileModel } from '../../../src/evaluator/compile-model.ts'
import { type CompiledResource, compileResource } from '../../../src/evaluator/compiled-resource.ts'
import { decide } from '../../../src/evaluator/decide.ts'
import type { DecisionFacts } from '../../../src/evaluator/grant.ts'
import { ResourceIndex } from '../../../src/evaluator/resource-index.ts'
import { ResourceKey } from '../../../src/evaluator/resource-key.ts'
import { entitlement, roleOf, type TaggedWorld } from '../tagged-world.ts'
import type { Rival } from './rival.ts'

/** The decision itself, with facts at hand as a guard has them. */
export function latchkey(world: TaggedWorld): Rival {
  const model = compileModel(world.model)
  const facts = factsOf(world)
  return {
    name: 'Latchkey',
    allows: (request) => decide(model, facts, request.caller.principal, request).allowed,
  }
}

function factsOf({ callers, resources }: TaggedWorld): DecisionFacts {
  const roles = new Map(callers.map((caller) => [caller.role, roleOf(caller)]))
  const facts = new ResourceIndex<CompiledResource>()
  for (const [name, { owner, env, team }] of resources)
    facts.set(ResourceKey.of(name), compileResource({ owner, tags: { env: [env], team: [team] } }))
  return {
    role: (id) => roles.get(id) ?? null,
    entitlement: () => entitlement,
    resource: (key) => facts.get(key) ?? null,
  }
}
