import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Operation, RequestShape } from '../../../src/evaluator/model.ts'
import type { BodyAtHand } from '../../../src/evaluator/request/json-body.ts'
import { requestValues } from '../../../src/evaluator/request/request-values.ts'
import { decimalOf } from '../../../src/evaluator/where/decimal.ts'
import { readVariable } from './read-variable.ts'
import { json, putCluster, sent, text } from './requests.ts'

const shape: RequestShape = {
  query: {
    q: { type: 'string' },
    page: { type: 'integer' },
    price: { type: 'number' },
    paid: { type: 'boolean' },
    any: {},
    ids: { type: 'integer', array: 'repeated' },
    tags: { type: 'string', array: 'comma' },
    pipes: { array: 'pipe' },
    spaces: { type: 'integer', array: 'space' },
    'labels[]': { array: 'repeated' },
    odd: { unreadable: true },
    with_line: { type: 'string' },
    both: { type: 'string' },
    filter: {
      deepObject: { members: { name: 'string', size: 'integer', list: { items: 'string' } }, open: true },
    },
  },
  body: {
    members: {
      both: 'string',
      promo: { members: { value: 'integer', rate: 'number', code: 'string', live: 'boolean', any: 'any' } },
      lines: { items: { members: { count: 'integer', notes: { items: 'string' } } } },
      labels: { members: {}, open: true },
      Case: 'string',
      case: 'string',
    },
  },
}
const put = putCluster(shape)

const values = (variable: string, query: string, body?: BodyAtHand, of: Operation = put) =>
  requestValues(sent(of, query, body), readVariable(`$request:${variable}`))

describe('the values of a parameter', () => {
  test.each([
    ['q', 'q=1&qq=2&q.x=3&x[q]=4&x.q=5&_q=6', ['1']],
    ['clusterId', '', ['c1']],
    ['path:clusterId', '', ['c1']],
    ['q', '', 'absent'],
    ['q', 'q=', ['']],
    ['q', 'q=a+b%20c%2Bd', ['a b c+d']],
    ['q', 'q=7', ['7']],
    ['query:q', 'q=7', ['7']],
    ['page', 'page=7', [7]],
    ['page', 'page=9007199254740993', [decimalOf('9007199254740993')]],
    ['page', 'page=7.5', 'unusable'],
    ['page', 'page=07', 'unusable'],
    ['page', 'page=', 'unusable'],
    ['price', 'price=1.50', [decimalOf('1.50')]],
    ['price', 'price=x', 'unusable'],
    ['paid', 'paid=true', [true]],
    ['paid', 'paid=True', 'unusable'],
    ['any', 'any=true', ['true']],
    ['ids', 'ids=1&q=x&ids=2', [1, 2]],
    ['ids', 'ids=1&ids=x', 'unusable'],
    ['tags', 'tags=a,b', ['a', 'b']],
    ['tags', 'tags=', 'unusable'],
    ['tags', 'tags=a%2Cb', 'ambiguous_request'],
    ['tags', 'tags=a&tags=b', 'ambiguous_request'],
    ['pipes', 'pipes=a|b%7Cc', ['a', 'b', 'c']],
    ['spaces', 'spaces=1%202+3', [1, 2, 3]],
    ["'labels[]'", 'labels[]=a&labels[]=b', ['a', 'b']],
    ['odd', 'odd=1', 'unusable'],
    ['odd', 'odd=1&odd=2', 'unusable'],
    ['odd', '', 'absent'],
    ['filter:name', 'filter[name]=a', ['a']],
    ['filter:size', 'filter[size]=7', [7]],
    ['filter:size', 'filter[size]=a', 'unusable'],
    ['filter:list', 'filter[list]=a', 'unusable'],
    ['filter:other', 'filter[other]=a', ['a']],
    ['filter:name', 'filter[other]=a', 'absent'],
    ['filter', 'filter[name]=a', 'unusable'],
    ['filter', 'filter=a', 'unusable'],
  ])('$request:%s in ?%s: %j', (variable, query, expected) => {
    expect(values(variable, query, { kind: 'none' })).toEqual(expected)
  })

  test.each([
    ['q', 'Q=2'],
    ['q', 'q=1&Q=2'],
    ['q', 'q[]=2'],
    ['q', 'q=1&Q[0]=2'],
    ['q', 'q=1&q=1'],
    ['q', 'any=1&any=1'],
    ['q', 'q=%ff'],
    ['ids', 'ids=1&ids[]=2'],
    ['filter:name', 'filter=a'],
    ['filter:name', 'filter[name]=a&filter=b'],
    ['filter:name', 'filter[Name]=a'],
    ['filter:name', 'Filter[name]=a'],
    ['filter:name', 'filter[name][]=a'],
    ['q', '[q]=2'],
    ['q', 'q=1&%5BQ%5D=2'],
    ['q', 'q=1&[q][]=2'],
    ['q', 'q=1&]q=2'],
    ['q', 'q=1&+q=2'],
    ['q', 'q=1&%20Q[0]=2'],
    ['with_line', 'with_line=1&with.line=2'],
    ['with_line', 'with+line=2'],
    ['filter:name', '[filter][name]=a'],
    ['filter:name', 'filter[name]=a&filter.Name=b'],
  ])('$request:%s in ?%s is ambiguous: another reader may see another value', (variable, query) => {
    expect(values(variable, query, { kind: 'none' })).toBe('ambiguous_request')
  })
})

describe('the values of a field of the body', () => {
  test.each([
    ['promo:value', { promo: { value: 9 } }, [9]],
    ['promo:value', { promo: { value: '9' } }, 'unusable'],
    ['promo:value', { promo: { value: 9.5 } }, 'unusable'],
    ['promo:rate', { promo: { rate: 9.5 } }, [9.5]],
    ['promo:code', { promo: { code: 9 } }, 'unusable'],
    ['promo:code', { promo: { code: '9' } }, ['9']],
    ['promo:code', { promo: { code: ['9'] } }, 'unusable'],
    ['promo:live', { promo: { live: false } }, [false]],
    ['promo:live', { promo: { live: 'false' } }, 'unusable'],
    ['promo:any', { promo: { any: 'x' } }, ['x']],
    ['promo:any', { promo: { any: ['x', 1, true] } }, ['x', 1, true]],
    ['promo:any', { promo: { any: { x: 1 } } }, 'unusable'],
    ['promo:value', { promo: { value: null } }, 'unusable'],
    ['promo:value', { promo: {} }, 'absent'],
    ['promo:value', {}, 'absent'],
    ['promo:value', { promo: null }, 'unusable'],
    ['promo:value', { promo: [{ value: 1 }] }, 'unusable'],
    ['promo:value', [], 'unusable'],
    ['promo:value', 7, 'unusable'],
    ['promo', { promo: { value: 1 } }, 'unusable'],
    ['lines:count', { lines: [{ count: 1 }, { count: 2 }] }, [1, 2]],
    ['lines:count', { lines: [{ count: 1 }, { count: 'x' }] }, 'unusable'],
    ['lines:count', { lines: [{ count: 1 }, {}] }, 'unusable'],
    ['lines:count', { lines: [{}, {}] }, 'absent'],
    ['lines:count', { lines: [] }, 'unusable'],
    ['lines:count', { lines: { count: 1 } }, 'unusable'],
    ['lines:notes', { lines: [{ notes: ['a'] }, { notes: ['b', 'c'] }] }, ['a', 'b', 'c']],
    ['lines:notes', { lines: [{ notes: ['a'] }, { notes: [] }] }, 'unusable'],
    ['labels:env', { labels: { env: 'dev' } }, ['dev']],
    ['labels:a:b', { labels: { a: { b: 1 } } }, [1]],
    ['Case', { Case: 'a', case: 'b' }, ['a']],
  ])('$request:%s in %j: %j', (variable, body, expected) => {
    expect(values(variable, '', json(body))).toEqual(expected)
    expect(values(`body:${variable}`, '', json(body))).toEqual(expected)
  })

  test('that JSON.parse may have changed are unusable', () => {
    for (const number of ['9007199254740993', '-9007199254740993', '1e400'])
      expect(values('promo:any', '', text(`{"promo":{"any":${number}}}`))).toBe('unusable')
  })

  test.each([
    ['promo:value', '{"promo":{"value":1,"Value":2}}'],
    ['promo:value', '{"promo":{"VALUE":2}}'],
    ['promo:value', '{"Promo":{},"promo":{"value":1}}'],
    ['promo:value', '{"promo":{"value":1,"value":1}}'],
    ['labels:k', '{"labels":{"\u212a":1}}'],
  ])('$request:%s in %s are ambiguous', (variable, body) => {
    expect(values(variable, '', text(body))).toBe('ambiguous_request')
  })

  test('are not those of a prototype', () => {
    for (const name of ['constructor', '__proto__', 'toString'])
      expect(values(`labels:${name}`, '', json({ labels: {} }))).toBe('absent')
    expect(values('labels:__proto__', '', text('{"labels":{"__proto__":"x"}}'))).toEqual(['x'])
  })

  test('are not at hand, or absent, as the body is', () => {
    expect(values('promo:value', '')).toBe('body_not_at_hand')
    expect(values('promo:value', '', text('x', 'text/plain'))).toBe('body_not_at_hand')
    expect(values('promo:value', '', { kind: 'none' })).toBe('absent')
  })
})

describe('a variable', () => {
  test('of which the document names two places, or none, has no value', () => {
    const request = 'both=query'
    expect(values('both', request, json({ both: 'body' }))).toBe('unusable')
    expect(values('query:both', request, json({ both: 'body' }))).toEqual(['query'])
    expect(values('body:both', request, json({ both: 'body' }))).toEqual(['body'])
    expect(values('gone', 'gone=1', json({ gone: 1 }))).toBe('unusable')
    expect(values('path:q', 'q=1')).toBe('unusable')
    expect(values('q', 'q=1', undefined, putCluster())).toBe('unusable')
  })

  test('is the place that is named, rather than one that is merely open', () => {
    const open = putCluster({ query: { status: {} }, body: { members: {}, open: true } })
    expect(values('status', 'status=a', json({ status: 'b' }), open)).toEqual(['a'])
    expect(values('body:status', 'status=a', json({ status: 'b' }), open)).toEqual(['b'])
    expect(values('other', '', json({ other: 'b' }), open)).toEqual(['b'])
  })

  test('has an answer for any JSON and any query', () => {
    const query = fc.string({
      unit: fc.constantFrom('q', 'Q', '=', '&', '%', '4', '[', ']', 'page', 'filter'),
      maxLength: 12,
    })
    const any = putCluster({ ...shape, body: 'any' })
    fc.assert(
      fc.property(
        query,
        fc.jsonValue(),
        fc.constantFrom('q', 'page', 'ids', 'filter:name', 'body:q:q'),
        (sentQuery, body, name) => {
          const read = values(name, sentQuery, json(body), any)
          if (typeof read !== 'string') expect(read.length).toBeGreaterThan(0)
        },
      ),
    )
  })
})
