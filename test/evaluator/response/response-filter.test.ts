import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyName, type FieldPattern } from '../../../src/evaluator/request/field-pattern.ts'
import { readFilter } from '../../../src/evaluator/response/read-filter.ts'
import {
  type Filter,
  filterJson,
  intersectFilters,
  type ResponseFilter,
  uniteFilters,
} from '../../../src/evaluator/response/response-filter.ts'

function filter(fields: readonly string[], mask?: string): Filter {
  const read = readFilter(fields, mask)
  if ('filter' in read) return read.filter
  throw new Error(read.faults.map(({ detail }) => detail).join())
}

const keep = (...fields: string[]) => uniteFilters([filter(fields)])
const mask = (...fields: string[]) => uniteFilters([filter(fields, '***')])

const cluster = {
  metadata: { name: 'one', owner: 'Ada' },
  vpc: { subnets: [{ id: 's1', cidr: '10.0.0.0/8', tags: [] }, { id: 's2' }], id: 'v1' },
  size: 3,
  note: null,
}

describe('a filter', () => {
  test('keeps the fields that it names, and what is needed to hold them', () => {
    expect(filterJson(keep('metadata.name', 'vpc.subnets.*'), cluster)).toEqual({
      metadata: { name: 'one' },
      vpc: { subnets: [{ id: 's1', cidr: '10.0.0.0/8', tags: [] }, { id: 's2' }] },
    })
    expect(filterJson(keep('vpc.subnets.cidr'), cluster)).toEqual({
      vpc: { subnets: [{ cidr: '10.0.0.0/8' }] },
    })
    expect(filterJson(keep('size.deeper', 'metadata.name.deeper', 'vpc.subnets.tags.x'), cluster)).toEqual({})
  })

  test('masks every other scalar and null, and leaves names and lengths', () => {
    expect(filterJson(mask('metadata.name', 'vpc.subnets.id'), cluster)).toEqual({
      metadata: { name: 'one', owner: '***' },
      vpc: { subnets: [{ id: 's1', cidr: '***', tags: [] }, { id: 's2' }], id: '***' },
      size: '***',
      note: '***',
    })
  })

  test('goes through a list item by item, and through lists within lists', () => {
    const list = [[{ a: 1, b: 2 }], { a: 3 }, { b: 4 }, 5]
    expect(filterJson(keep('a'), list)).toEqual([[{ a: 1 }], { a: 3 }])
    expect(filterJson(mask('a'), list)).toEqual([[{ a: 1, b: '***' }], { a: 3 }, { b: '***' }, '***'])
  })

  test.each([
    [{ b: 1 }, {}],
    [[{ b: 1 }, 2], []],
    [[], []],
    ['secret', null],
    [7, null],
    [undefined, null],
  ])('leaves %j as %j where nothing in it is shown', (value, expected) => {
    expect(filterJson(keep('a'), value)).toEqual(expected)
  })

  test('does not change what it is given', () => {
    const copy = structuredClone(cluster)
    filterJson(mask('metadata.name'), cluster)
    expect(cluster).toEqual(copy)
  })

  test('takes __proto__ for a name like any other, and reads nothing of a prototype', () => {
    const value = JSON.parse('{"__proto__":{"a":1},"b":2}')
    expect(JSON.stringify(filterJson(keep('a', 'b'), value))).toBe('{"b":2}')
    expect(JSON.stringify(filterJson(keep('__proto__'), value))).toBe('{"__proto__":{"a":1}}')
    expect(JSON.stringify(filterJson(mask('b'), value))).toBe('{"__proto__":{"a":"***"},"b":2}')
    class Inherits {
      b = 1
      get secret() {
        return 'no member of its own'
      }
    }
    expect(filterJson(keep('secret', 'b'), new Inherits())).toEqual({ b: 1 })
  })

  test('does not take names for numbers, nor items for members', () => {
    expect(filterJson(keep('0'), ['secret'])).toEqual([])
    expect(filterJson(keep('a.0'), { a: ['secret'] })).toEqual({})
    expect(filterJson(keep('a.0'), { a: { 0: 'shown', 1: 'secret' } })).toEqual({ a: { 0: 'shown' } })
    expect(filterJson(keep('length', 'a.length'), { a: 'secret' })).toEqual({})
  })

  test('leaves out what is not JSON, so that nothing speaks for the whole', () => {
    const value = { toJSON: () => 'secret', a: () => 'secret', b: undefined, c: Symbol('c'), d: 1n }
    for (const one of [keep('*'), mask('*')]) {
      expect(filterJson(one, value)).toEqual({})
      // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested
      expect(filterJson(one, [, { a: 1 }])).toEqual([{ a: 1 }])
    }
  })

  test.each([
    [['a..b'], undefined, 'a name is missing'],
    [[], undefined, 'fields lists 1 to'],
    [['a'], 'x'.repeat(65), 'at most 64 characters'],
    [['a'], '\u0007', 'control character'],
  ])('%j with the mask %j is refused', (fields, written, why) => {
    expect(readFilter(fields, written)).toMatchObject({ faults: [{ detail: expect.stringContaining(why) }] })
  })
})

describe('several filters', () => {
  test('united show what one of them shows, and mask rather than leave out', () => {
    const both = uniteFilters([filter(['metadata.name']), filter(['size'], '***'), filter(['note'], '---')])
    expect(filterJson(both, cluster)).toMatchObject({
      metadata: { name: 'one', owner: '***' },
      size: 3,
      note: null,
    })
  })

  test('intersected show what both show, and leave out what one of them leaves out', () => {
    const both = intersectFilters(mask('metadata', 'size'), keep('metadata.name', 'size', 'note'))
    expect(filterJson(both, cluster)).toEqual({ metadata: { name: 'one' }, size: 3, note: '***' })
  })
})

// Any value and filters, with few names, so that they meet.

const name = fc.constantFrom('a', 'b', '__proto__', '0')
const patterns = fc.array(
  fc
    .array(fc.oneof(name, fc.constant(anyName)), { minLength: 1, maxLength: 3 })
    .map((steps): FieldPattern => {
      const [first = anyName, ...rest] = steps
      return [first, ...rest]
    }),
  { maxLength: 4 },
)
const anyFilter = fc
  .record({ fields: patterns, mask: fc.constantFrom(undefined, '***', '---') })
  .map(
    ({ fields, mask: written }): Filter => ({ fields, ...(written === undefined ? {} : { mask: written }) }),
  )
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'medium' },
    fc.constantFrom(null, 1, 2, 'x', true),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(name, tie('value')), { maxLength: 3 }).map((list) => Object.fromEntries(list)),
  ),
}))

/** Each leaf of a value as `path = value`, in their order. Empty objects and lists are leaves, too. */
function leavesOf(value: unknown, path: readonly string[] = []): readonly (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0)
    return [[JSON.stringify(path), value]]
  return Object.entries(value).flatMap(([step, one]) =>
    leavesOf(one, Array.isArray(value) ? path : [...path, step]),
  )
}

function shows(fields: readonly FieldPattern[], path: string): boolean {
  const names: readonly string[] = JSON.parse(path)
  return fields.some(
    (pattern) =>
      pattern.length <= names.length && pattern.every((step, i) => step === anyName || step === names[i]),
  )
}

/** The rule said plainly, leaf by leaf. */
function naive({ fields, mask: written }: Filter, value: unknown): readonly (readonly [string, unknown])[] {
  return leavesOf(value).flatMap(([path, leaf]) => {
    if (shows(fields, path)) return [[path, leaf] as const]
    if (written === undefined) return []
    return [[path, typeof leaf === 'object' && leaf !== null ? leaf : written] as const]
  })
}

/** Of a whole that holds nothing, its emptiness is left: no leaf of the value. */
function leavesLeft(of: ResponseFilter, value: unknown): readonly (readonly [string, unknown])[] {
  const left = filterJson(of, value)
  const isEmpty = left === null || (typeof left === 'object' && Object.keys(left).length === 0)
  return isEmpty ? [] : leavesOf(left)
}

const texts = (leaves: readonly (readonly [string, unknown])[]) => leaves.map((leaf) => JSON.stringify(leaf))
const isWithin = (some: readonly string[], all: readonly string[]) => {
  const left = [...all]
  return some.every((one) => {
    const at = left.indexOf(one)
    if (at >= 0) left.splice(at, 1)
    return at >= 0
  })
}

describe('whatever the filters and the value', () => {
  test('what is left is what the rule, said plainly, leaves', () => {
    fc.assert(
      fc.property(anyFilter, anyValue, (one, value) => {
        const expected = naive(one, value)
        const empty = typeof value !== 'object' || value === null ? null : Array.isArray(value) ? [] : {}
        const left = leavesOf(filterJson(uniteFilters([one]), value))
        expect(left).toEqual(expected.length === 0 ? [['[]', empty]] : expected)
      }),
      { numRuns: 1_000 },
    )
  })

  test('filtering again changes nothing', () => {
    fc.assert(
      fc.property(anyFilter, anyFilter, anyValue, (one, other, value) => {
        for (const filters of [
          uniteFilters([one, other]),
          intersectFilters(uniteFilters([one]), uniteFilters([other])),
        ]) {
          const left = filterJson(filters, value)
          expect(filterJson(filters, left)).toEqual(left)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('a union shows all that each shows, an intersection no more than each', () => {
    fc.assert(
      fc.property(patterns, patterns, anyValue, (fields, others, value) => {
        const [one, other] = [uniteFilters([{ fields }]), uniteFilters([{ fields: others }])]
        const union = texts(leavesLeft(uniteFilters([{ fields }, { fields: others }]), value))
        const intersection = texts(leavesLeft(intersectFilters(one, other), value))
        for (const each of [one, other]) {
          const left = texts(leavesLeft(each, value))
          expect(isWithin(left, union)).toBe(true)
          expect(isWithin(intersection, left)).toBe(true)
        }
        expect(isWithin(union, texts(leavesOf(value)))).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})
