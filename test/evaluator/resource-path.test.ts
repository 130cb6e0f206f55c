import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { type CompiledResource, compileResource } from '../../src/evaluator/compiled-resource.ts'
import { findOperations } from '../../src/evaluator/find-operations.ts'
import { namesAskedFor, nearestRegistered } from '../../src/evaluator/found-resources.ts'
import { Match } from '../../src/evaluator/match.ts'
import type { Operation, ServiceModel } from '../../src/evaluator/model.ts'
import { parameterNames } from '../../src/evaluator/path-template.ts'
import { ResourceKey, resourceNameLengthMax } from '../../src/evaluator/resource-key.ts'

function operation(path: string, more: Partial<Operation> = {}): Operation {
  const resourceParameter = parameterNames(path).at(-1)
  const acts = resourceParameter === undefined ? {} : { resourceParameter }
  return { id: path, method: 'GET', path, parameters: {}, alternatives: [], ...acts, ...more }
}

function modelOf(...operations: readonly Operation[]): ServiceModel {
  return { basePaths: [''], resources: 'latchkey', operations, roles: [] }
}

function namesOf(model: ServiceModel, path: string): readonly string[] {
  const compiled = compileModel(model)
  return namesAskedFor(compiled, findOperations(compiled.paths, 'GET', path), 'org_a')
}

describe('the names of what an operation acts on', () => {
  test('are the template with the ids in its braces, and those of what holds it, from the inside out', () => {
    const model = modelOf(operation('/clusters/{clusterId}/nodes/{nodeId}/logs'))
    expect(namesOf(model, '/clusters/c1/nodes/n7/logs')).toEqual([
      '/clusters/{c1}/nodes/{n7}',
      '/clusters/{c1}',
    ])
  })

  test('end where the document says, and are the same whatever the parameters are called', () => {
    const one = modelOf(operation('/clusters/{id}/nodes/{node}', { resourceParameter: 'id' }))
    const other = modelOf(operation('/clusters/{clusterId}'))
    expect(namesOf(one, '/clusters/c1/nodes/n7')).toEqual(['/clusters/{c1}'])
    expect(namesOf(other, '/clusters/c1')).toEqual(['/clusters/{c1}'])
  })

  test('are told apart where templates overlap', () => {
    const model = modelOf(operation('/{a}/b/{c}'), operation('/a/{b}/{c}'))
    expect(namesOf(model, '/a/b/1').toSorted()).toEqual(['/a/{b}', '/a/{b}/{1}', '/{a}', '/{a}/b/{1}'])
  })

  test('hold every parameter of a mixed segment', () => {
    const model = modelOf(operation('/compare/{base}...{head}', { resourceParameter: 'base' }))
    expect(namesOf(model, '/compare/v1...v2')).toEqual(['/compare/{v1}...{v2}'])
  })

  test('begin with the namespace: of the caller’s organization, or of a parameter', () => {
    const own = modelOf(operation('/notes/{note}', { namespace: 'organization' }))
    expect(namesOf(own, '/notes/1')).toEqual(['{org_a}/notes/{1}'])
    const after = operation('/clusters/{id}/in/{region}', {
      resourceParameter: 'id',
      namespace: { parameter: 'region' },
    })
    expect(namesOf(modelOf(after), '/clusters/1/in/eu')).toEqual(['{eu}/clusters/{1}'])
    const before = operation('/in/{region}/clusters/{id}', { namespace: { parameter: 'region' } })
    expect(namesOf(modelOf(before), '/in/eu/clusters/1')).toEqual(['/in/{eu}/clusters/{1}', '/in/{eu}'])
  })

  test('are none where the API knows its resources, or there is no resource', () => {
    const { resources: _resources, ...model } = modelOf(operation('/clusters/{id}'))
    expect(namesOf(model, '/clusters/c1')).toEqual([])
    expect(namesOf(modelOf(operation('/clusters')), '/clusters')).toEqual([])
  })

  test('are one only if the ids are, whatever is in them', () => {
    const model = modelOf(
      operation('/a/{x}/b/{y}', { parameters: { x: { encodedSlash: true }, y: { encodedSlash: true } } }),
    )
    const id = fc
      .array(fc.constantFrom('a', '{', '}', '%2F', '%25', 'é', '.', '}/b/{'), { minLength: 1, maxLength: 6 })
      .map((parts) => encodeURIComponent(decodeURIComponent(parts.join('')).replaceAll('%', '')))
    fc.assert(
      fc.property(id, id, id, id, (x1, y1, x2, y2) => {
        const [one] = namesOf(model, `/a/${x1}/b/${y1}`)
        const [other] = namesOf(model, `/a/${x2}/b/${y2}`)
        fc.pre(one !== undefined && other !== undefined)
        expect(one === other).toBe(x1 === x2 && y1 === y2)
      }),
      { numRuns: 300 },
    )
  })
})

describe('the key of a resource', () => {
  const templates = [
    '/a/{x}',
    '/a/{x}/b/{y}',
    '/a/{x}/b/{y}/c',
    '/{x}.{y}',
    '/v{x}/b/{y}.json',
    '/a/{x}/{y}...{z}',
  ]
  const id = fc.constantFrom('1', 'ab', 'a.b', 'a%7Bb', '%C3%A9', '%7D%7B', 'x-%20')
  const namespace = fc.constantFrom(undefined, 'organization' as const)

  /** The keys of what a path names, by the way that a path takes and by one that nothing in it is encoded for. */
  function keysOf(
    template: string,
    ids: readonly string[],
    more: Partial<Operation>,
  ): readonly ResourceKey[] {
    const { paths, resources } = compileModel(modelOf(operation(template, more)))
    let at = 0
    const found = findOperations(
      paths,
      'GET',
      template.replace(/\{\w+\}/g, () => ids[at++] ?? ''),
    )
    const path = resources.ofOperations[0]
    if (found.kind === 'refused' || path === undefined) return []
    const [match] = found.matches
    const written = new Match(match.indexed, [], match.values)
    const keys = match.keys(path, 'org_a')
    expect(keys).toEqual(written.keys(path, 'org_a'))
    return keys
  }

  test('is the same by its name, and by the path that it was sent in', () => {
    let seen = 0
    fc.assert(
      fc.property(
        fc.constantFrom(...templates),
        fc.array(id, { minLength: 3, maxLength: 3 }),
        namespace,
        (template, ids, within) => {
          for (const key of keysOf(template, ids, within === undefined ? {} : { namespace: within })) {
            expect(ResourceKey.of(key.name)).toEqual(key)
            expect(key.name.startsWith('{org_a}')).toBe(within !== undefined && key.ids.startsWith('org_a}'))
            seen++
          }
        },
      ),
      { numRuns: 500 },
    )
    expect(seen).toBeGreaterThan(300)
  })

  test('is nobody’s if its name is longer than one can be registered by', () => {
    const key = (length: number) => new ResourceKey('/a/{}', 'x'.repeat(length))
    expect(key(resourceNameLengthMax - '/a/{}'.length).isTooLong).toBe(false)
    expect(key(resourceNameLengthMax - '/a/{}'.length + 1).isTooLong).toBe(true)
  })
})

describe('the nearest registered resource', () => {
  const fact = compileResource({ owner: 'org_a', tags: {} })
  const facts = (known: Record<string, CompiledResource | null>) => ({
    role: () => null,
    entitlement: () => null,
    resource: ({ name }: ResourceKey) => known[name],
  })

  test('says who owns what is not registered itself', () => {
    expect(
      nearestRegistered(facts({ '/a/{1}/b/{2}': null, '/a/{1}': fact }), ['/a/{1}/b/{2}', '/a/{1}']),
    ).toBe(fact)
    expect(nearestRegistered(facts({ '/a/{1}': null }), ['/a/{1}'])).toBeNull()
  })

  test('is not passed over because a fact about a nearer one is not at hand', () => {
    expect(nearestRegistered(facts({ '/a/{1}': fact }), ['/a/{1}/b/{2}', '/a/{1}'])).toBeUndefined()
  })
})
