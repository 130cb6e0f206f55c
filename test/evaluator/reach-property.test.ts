import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { type Allowed, decide } from '../../src/evaluator/decide.ts'
import { type ReachedOperation, reachOf } from '../../src/evaluator/reach.ts'
import { factsOf } from './clinic-model.ts'
import { decisionRequest, type LimitedRequest, type LimitedWorld, limitedWorld } from './limited-worlds.ts'
import { naiveNames } from './naive-resource.ts'

const batchesMax = 12
const worlds = Number(process.env['LATCHKEY_TEST_WORLDS'] ?? 150)

/** All that is reached of the resources of a world, by the place in the list of callers and the resource's name. */
function reachedIn(world: LimitedWorld) {
  const compiled = compileModel(world.model)
  const facts = factsOf(entitlementsOf(world), world.roles, world.resources)
  return world.callers.map((caller) => {
    const ask = reachOf({ model: compiled, caller, facts })
    const asked = Object.entries(world.resources).map(
      ([name, fact]): [string, readonly ReachedOperation[]] => {
        const answer = typeof ask === 'function' ? ask({ name, fact }) : []
        if (!Array.isArray(answer)) throw new Error('a fact was missing')
        return [name, answer]
      },
    )
    return { caller, reached: new Map(asked), decide: decideIn(world) }
  })
}

const entitlementsOf = ({ entitlement }: LimitedWorld) => ({ org_a: entitlement, org_b: entitlement })

function decideIn({ model, roles, resources, ...world }: LimitedWorld) {
  const compiled = compileModel(model)
  const facts = factsOf(entitlementsOf({ model, roles, resources, ...world }), roles, resources)
  return (caller: LimitedWorld['callers'][number], request: LimitedRequest) =>
    decide(compiled, facts, caller, decisionRequest(request))
}

function nearestOf({ resources }: LimitedWorld, { operation, found }: Allowed): string | undefined {
  return naiveNames(operation, found.matches[0].parameters).find(({ name }) => resources[name] !== undefined)
    ?.name
}

test('whoever may make a request reaches its resource, and what is reached is allowed whatever the request holds', () => {
  const seen = { allowed: 0, depends_on_request: 0, held: 0, refused: 0 }
  const property = fc.property(limitedWorld, (written) => {
    const world = { ...written, model: { ...written.model, resources: 'latchkey' as const } }
    for (const { caller, reached, decide } of reachedIn(world))
      for (const request of world.requests) {
        const decision = decide(caller, request)
        const name = decision.allowed ? nearestOf(world, decision) : undefined
        if (decision.allowed && name !== undefined) {
          const found = reached.get(name)?.find(({ operation }) => operation.id === decision.operation.id)
          expect(found, `${decision.operation.id} on ${name}`).toBeDefined()
          seen[found?.reach ?? 'refused']++
          if (found?.on === 'held') seen.held++
        }
        if (decision.allowed || decision.operation === undefined) continue
        seen.refused++
        const { operation } = decision
        for (const [resource, list] of reached)
          for (const one of list)
            if (one.operation.id === operation.id && one.on === 'resource' && one.reach === 'allowed')
              expect(request.path, `${operation.id} on ${resource}`).not.toBe(resource.replace(/[{}]/g, ''))
      }
  })
  const unseen = () => Object.entries(seen).filter(([, count]) => count === 0)
  // What a resource holds is rarely asked for: not every batch of worlds has it.
  for (let batch = 0; batch === 0 || (unseen().length > 0 && batch < batchesMax); batch++)
    fc.assert(property, { numRuns: worlds })
  expect(unseen()).toEqual([])
}, 600_000)
