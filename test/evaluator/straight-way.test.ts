import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { type Found, findOperations, searchOperations } from '../../src/evaluator/find-operations.ts'
import type { Operation } from '../../src/evaluator/model.ts'
import { straightWay } from '../../src/evaluator/straight-way.ts'
import { model, operation } from './clinic-model.ts'

const templateSegment = fc.constantFrom(
  'a',
  'A',
  'b',
  'b.c',
  'ä',
  '{x}',
  '{x}',
  '{y}',
  'v{x}',
  '{n}',
  '{rest}',
)
const template = fc
  .tuple(fc.array(templateSegment, { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([segments, slash]) => `/${segments.join('/')}${slash ? '/' : ''}`)
  .filter((path) => new Set(path.match(/\{\w+\}/g)).size === (path.match(/\{\w+\}/g) ?? []).length)
const method = fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'PUT')

const operations = fc
  .uniqueArray(fc.tuple(method, template), {
    minLength: 1,
    maxLength: 5,
    selector: (place) => place.join(' '),
  })
  .map((places) => places.map(([verb, path], i) => operationAt(`${i}`, `${verb} ${path}`)))

function operationAt(id: string, place: string): Operation {
  const parameters = { n: { type: 'integer' }, rest: { multiSegment: true } } as const
  return operation(id, place, { parameters })
}

const plainSegment = fc.constantFrom('a', 'A', 'b', 'b.c', 'v1', '7', 'x')
const oddSegment = fc.constantFrom('%C3%A4', '%61', '..', '.', '', 'a;b', 'a%2Fb', 'ä')
const segment = fc.oneof({ weight: 9, arbitrary: plainSegment }, { weight: 1, arbitrary: oddSegment })
const target = fc
  .tuple(
    fc.array(segment, { minLength: 1, maxLength: 3 }),
    fc.constantFrom('', '', '', '?', '?q=/a/..', '/', '#f', '/?q'),
  )
  .map(([segments, end]) => `/${segments.join('/')}${end}`)

function shown(found: Found): unknown {
  if (found.kind === 'refused') return found
  const matches = found.matches.map(({ indexed, values, parameters }) => ({ indexed, values, parameters }))
  return { canonicalPath: found.canonicalPath, matches }
}

test('what is found by the straight way is what the whole search finds, for any templates and target', () => {
  let straight = 0
  fc.assert(
    fc.property(
      operations,
      fc.array(target, { minLength: 10, maxLength: 10 }),
      fc.boolean(),
      (all, targets, strict) => {
        const { paths } = compileModel(model(all, strict ? { strictPaths: true } : {}))
        for (const one of targets)
          for (const verb of ['GET', 'HEAD', 'PUT']) {
            if (straightWay(paths, verb, one) !== undefined) straight++
            expect(shown(findOperations(paths, verb, one))).toEqual(shown(searchOperations(paths, verb, one)))
          }
      },
    ),
    { numRuns: 500 },
  )
  expect(straight).toBeGreaterThan(100)
})
