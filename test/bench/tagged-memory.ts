// What the model, roles that have been decided about, and resources take of a guard's memory.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { type CompiledResource, compileResource } from '../../src/evaluator/compiled-resource.ts'
import { type DecisionFacts, grantOf } from '../../src/evaluator/grant.ts'
import type { OrganizationRole } from '../../src/evaluator/model.ts'
import { ResourceIndex } from '../../src/evaluator/resource-index.ts'
import { ResourceKey } from '../../src/evaluator/resource-key.ts'
import type { Row } from './table.ts'
import { entitlement, roleOf, taggedWorld } from './tagged-world.ts'

const size = { roles: 10_000, resources: 100_000 }

export async function measureMemory(): Promise<readonly Row[]> {
  const world = taggedWorld(size)
  const { model, callers, resources } = world
  const heapBytes = heapOf()
  const marks = [heapBytes()]
  const compiled = compileModel(model)
  marks.push(heapBytes())
  const roles = new Map(callers.map((caller) => [caller.role, asRead(roleOf(caller))]))
  marks.push(heapBytes())
  const facts: DecisionFacts = {
    role: (id) => roles.get(id) ?? null,
    entitlement: () => entitlement,
    resource: () => null,
  }
  const grants = callers.map(({ principal }) => grantOf(compiled, facts, principal))
  marks.push(heapBytes())
  const known = new ResourceIndex<CompiledResource>()
  for (const [name, { owner, env, team }] of resources)
    known.set(ResourceKey.of(name), compileResource({ owner, tags: { env: [env], team: [team] } }))
  marks.push(heapBytes())
  // Else it would be gone by now, and not be counted as gone.
  if (world.resources.size !== known.size) throw new Error('a resource is missing')
  const grew = marks.slice(1).map((mark, i) => mark - (marks[i] ?? 0))
  const [ofModel = 0, ofRoles = 0, ofGrants = 0, ofResources = 0] = grew
  const each = (bytes: number, count: number) => Math.round(bytes / count)
  return [
    {
      what: `heap: a model of ${model.operations.length} operations; a role of 20 statements and its caller, of ${grants.length.toLocaleString('en')}; a resource with two tags`,
      figure:
        `${(ofModel / 2 ** 20).toFixed(1)} MiB; ` +
        `${each(ofRoles, grants.length)} bytes, and ${each(ofGrants, grants.length)} once they were decided about; ` +
        `${each(ofResources, known.size)} bytes, and its name`,
    },
  ]
}

/** As it comes to a guard: each text its own, and in one piece. */
function asRead(role: OrganizationRole): OrganizationRole {
  return JSON.parse(JSON.stringify(role))
}

/** What lives, sets of operations outside of the heap included, after all that does not has been collected. */
function heapOf(): () => number {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') throw new Error('this Node.js cannot be told to collect')
  return () => {
    // What the first collection frees may have held more.
    collect()
    collect()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
}
