import { expect, test } from 'vitest'
import { printFilter } from '../../../src/evaluator/response/print-filter.ts'
import { readFilter } from '../../../src/evaluator/response/read-filter.ts'
import {
  type Filter,
  intersectFilters,
  uniteFilters,
} from '../../../src/evaluator/response/response-filter.ts'

function filter(fields: readonly string[], mask?: string): Filter {
  const read = readFilter(fields, mask)
  if ('filter' in read) return read.filter
  throw new Error(read.faults.map(({ detail }) => detail).join())
}

test('a filter is printed layer by layer, in the spelling that is read', () => {
  const roles = uniteFilters([filter(['a.b', 'a\\.c']), filter(['a.*.d', 'x'], '***')])
  const printed = printFilter(intersectFilters(roles, uniteFilters([filter(['a'])])))
  expect(printed).toEqual([{ fields: ['a.b', 'a.*.d', 'a\\.c', 'x'], mask: '***' }, { fields: ['a'] }])
  const again = printed.map(({ fields, mask }) => uniteFilters([filter(fields, mask)]))
  expect(again.flatMap(printFilter)).toEqual(printed)
})
