import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByOperation } from '../../src/evaluator/by-operation.ts'

test('what was last said of an operation is found, and nothing of the others', () => {
  const index = fc.oneof(
    fc.nat(70),
    fc.nat(20_000),
    fc.nat(40).map((n) => n * 1_024),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(index, fc.string())), fc.nat(20), (said, more) => {
      const table = new ByOperation<string>(said.length + more)
      for (const [operation, text] of said) table.set(operation, text)
      const expected = new Map(said)
      expect(new Map(table)).toEqual(expected)
      expect(table.size).toBe(expected.size)
      const others = Array.from({ length: 100 }, (_, other) => other)
      expect(others.map((other) => table.get(other))).toEqual(others.map((other) => expected.get(other)))
    }),
  )
})
