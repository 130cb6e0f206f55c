// Explanations of the tagged world's requests, with what would change them: off the way of requests, and not slow.
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { type CompiledResource, compileResource } from '../../src/evaluator/compiled-resource.ts'
import { explain } from '../../src/evaluator/explain/explain.ts'
import type { ResourceKey } from '../../src/evaluator/resource-key.ts'
import { quantile, type Row } from './table.ts'
import { entitlement, requestsTo, roleOf, taggedWorld } from './tagged-world.ts'

const size = { roles: 100, resources: 100_000 }
const requestCount = 1_000
const rounds = 5
const msMax = 1

export async function measureExplanations(): Promise<readonly Row[]> {
  const world = taggedWorld(size)
  const model = compileModel(world.model)
  const roles = new Map(world.callers.map((caller) => [caller.role, roleOf(caller)]))
  const resources = new Map(
    Array.from(world.resources, ([name, { owner, env, team }]): [string, CompiledResource] => [
      name,
      compileResource({ owner, tags: { env: [env], team: [team] } }),
    ]),
  )
  const facts = {
    role: (id: string) => roles.get(id) ?? null,
    entitlement: () => entitlement,
    resource: ({ name }: ResourceKey) => resources.get(name) ?? null,
  }
  const asked = requestsTo(world, requestCount).map(({ caller, method, path }) => ({
    situation: { facts, caller: caller.principal, request: { method, path } },
    ownRoles: world.callers.filter((one) => one.organization === caller.organization).map((one) => one.role),
  }))
  const samples: number[] = []
  let denied = 0
  let changed = 0
  for (let round = 0; round <= rounds; round++)
    for (const { situation, ownRoles } of asked) {
      const began = performance.now()
      const { decision, changes } = explain(model, situation, { ownRoles })
      // The first round makes ready what is kept.
      if (round > 0) samples.push(performance.now() - began)
      if (!decision.allowed) denied++
      if (changes.length > 0) changed++
    }
  if (changed === 0) throw new Error('the bench found no change: it measured decisions only')
  const [p50, p99] = [quantile(samples, 0.5), quantile(samples, 0.99)]
  return [
    {
      what: `explanations, ${size.roles} roles of 20 statements, ${size.resources.toLocaleString('en')} resources`,
      figure: `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms; changes are found for ${Math.round((changed / denied) * 100)} % of what is denied`,
      bar: 'p99 < 1 ms',
      met: p99 < msMax,
    },
  ]
}
