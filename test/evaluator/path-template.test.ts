import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parameterNames, templateFault } from '../../src/evaluator/path-template.ts'

const paths = fc
  .array(
    fc.constantFrom('/', '{', '}', 'a', 'b1', '-', '_', '.', '%41', '{id}', '{other}', '__proto__', ' ', ';'),
    {
      maxLength: 12,
    },
  )
  .map((pieces) => pieces.join(''))

test('the parameters of a path are what stands between two braces that have none between them', () => {
  fc.assert(
    fc.property(paths, (path) => {
      const expected = Array.from(path.matchAll(/\{([^{}]*)\}/g), ([, name]) => name)
      expect(parameterNames(path)).toEqual(expected)
    }),
    { numRuns: 2_000 },
  )
})

test('an ordinary path is refused only where a parameter stands in it twice', () => {
  expect(templateFault('/orgs/{org}/things-1/{thing_id}')).toBeUndefined()
  expect(templateFault('/orgs/{org}/{org}')).toBe('the parameter {org} stands twice in the path')
  expect(templateFault('/orgs/{__proto__}')).toMatch(/__proto__/)
  expect(templateFault('/orgs/{}')).toMatch(/has no name/)
  expect(templateFault('/orgs//{org}')).toMatch(/empty segments/)
  expect(templateFault('/orgs/..')).toMatch(/dot segments/)
  expect(templateFault('/a b/{id}')).toBeUndefined()
})
