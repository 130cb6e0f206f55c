import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  anyName,
  type FieldPattern,
  parseFieldPattern,
  printFieldPattern,
} from '../../../src/evaluator/request/field-pattern.ts'
import type { BodyAtHand } from '../../../src/evaluator/request/json-body.ts'
import type { RequestAtHand } from '../../../src/evaluator/request/request-at-hand.ts'
import { type FieldsVerdict, RequestFields } from '../../../src/evaluator/request/request-fields.ts'
import { operation } from '../clinic-model.ts'
import { clusterShape, json, putCluster, sent, text } from './requests.ts'

function fields(...patterns: string[]): RequestFields {
  return new RequestFields(
    patterns.map((one) => {
      const read = parseFieldPattern(one)
      if ('pattern' in read) return read.pattern
      throw new Error(read.detail)
    }),
  )
}

const put = putCluster(clusterShape)
/** Asked twice: whoever asks again is answered from what is kept of the body. */
function verdict(of: RequestFields, query: string, body?: BodyAtHand): FieldsVerdict {
  const request = sent(put, query, body)
  const first = of.verdict(request)
  expect(of.verdict(request)).toBe(first)
  return first
}
function firstOutside(of: RequestFields, request: RequestAtHand): string | undefined {
  const [names] = of.outside(request)
  return names && printFieldPattern(names)
}

describe('fields of a JSON body', () => {
  const some = fields('metadata', 'nodeGroups.maxSize')

  test.each([
    [{ metadata: { a: { b: 1 } } }, 'within'],
    [{ metadata: null }, 'within'],
    [{ nodeGroups: { maxSize: 3 } }, 'within'],
    [{ nodeGroups: [{ maxSize: 3 }, { maxSize: [4, [5]] }] }, 'within'],
    [[{ metadata: 1 }], 'within'],
    [{ nodeGroups: { maxSize: 3, minSize: 1 } }, 'nodeGroups.minSize'],
    [{ nodeGroups: [{ maxSize: 3 }, { minSize: 3 }] }, 'nodeGroups.minSize'],
    [{ nodeGroups: {} }, 'nodeGroups'],
    [{ nodeGroups: [] }, 'nodeGroups'],
    [{ nodeGroups: null }, 'nodeGroups'],
    [{ nodeGroups: [1] }, 'nodeGroups'],
    [{ metadata: 1, other: {} }, 'other'],
    [{ metadatas: 1 }, 'metadatas'],
    [{ Metadata: 1 }, 'Metadata'],
    [{ 'nodeGroups.maxSize': 1 }, 'nodeGroups\\.maxSize'],
    [{ '*': 1 }, '\\*'],
    [{}, ''],
    [[], ''],
    [null, ''],
    [5, ''],
  ])('%j: %s', (value, expected) => {
    const request = sent(put, '', json(value))
    expect(some.verdict(request)).toBe(expected === 'within' ? 'within' : 'field_not_allowed')
    expect(some.verdict(request)).toBe(expected === 'within' ? 'within' : 'field_not_allowed')
    expect(firstOutside(some, request)).toBe(expected === 'within' ? undefined : expected)
  })

  test('take __proto__ and constructor for names like any other', () => {
    const body = '{"__proto__":{"metadata":1},"metadata":1}'
    expect(verdict(some, '', text(body))).toBe('field_not_allowed')
    expect(verdict(fields('__proto__', 'metadata'), '', text(body))).toBe('within')
    expect(verdict(some, '', json({ constructor: 1 }))).toBe('field_not_allowed')
    expect(verdict(some, '', { kind: 'value', mediaType: 'application/json', value: JSON.parse(body) })).toBe(
      'field_not_allowed',
    )
  })

  test('* is one name, whichever, also beside others', () => {
    const wild = fields('a.*.c', 'a.b.d', '*.x')
    expect(verdict(wild, '', json({ a: { b: { c: 1, d: 2 }, q: { c: 1 }, x: 1 }, z: { x: 1 } }))).toBe(
      'within',
    )
    expect(firstOutside(wild, sent(put, '', json({ a: { q: { d: 1 } } })))).toBe('a.q.d')
    expect(firstOutside(wild, sent(put, '', json({ a: { b: 1 } })))).toBe('a.b')
    expect(verdict(fields('a.*'), '', json({ a: 1 }))).toBe('field_not_allowed')
  })
})

describe('a body that is not at hand as JSON', () => {
  const some = fields('metadata')

  test.each<[string, BodyAtHand | undefined, string]>([
    ['unknown', undefined, 'body_required'],
    ['none at all', { kind: 'none' }, 'within'],
    ['an empty text', text(''), 'within'],
    ['without a media type', { kind: 'text', mediaType: undefined, text: '{"metadata":1}' }, 'body_required'],
    ['of another media type', text('metadata=1', 'application/x-www-form-urlencoded'), 'body_required'],
    ['a JSON Patch', text('[{"op":"remove"}]', 'application/json-patch+json'), 'body_required'],
    ['in another encoding', text('{"metadata":1}', 'application/json; charset="utf-7"'), 'body_required'],
    ['not JSON', text('{"metadata":1'), 'body_required'],
    ['JSON by another name', text('{"metadata":1}', 'Application/Merge-Patch+JSON;charset=UTF-8'), 'within'],
    ['with a member twice', text('{"metadata":1,"met\\u0061data":2}'), 'ambiguous_request'],
    ['with a member twice, deep within', text('{"metadata":[{"a":1,"a":2}]}'), 'ambiguous_request'],
    ['too deep', text(`{"metadata":${'['.repeat(64)}${']'.repeat(64)}}`), 'ambiguous_request'],
    ['deep', text(`{"metadata":${'['.repeat(63)}${']'.repeat(63)}}`), 'within'],
  ])('%s', (_, body, expected) => {
    expect(verdict(some, '', body)).toBe(expected)
    if (body?.kind === 'text' && body.text.startsWith('{"metadata":['))
      expect(verdict(some, '', { ...body, kind: 'value', value: JSON.parse(body.text) })).toBe(
        body.text.includes('"a"') ? 'within' : expected,
      )
  })

  test('that goes round in a circle is ambiguous', () => {
    const value: Record<string, unknown> = {}
    value['metadata'] = value
    expect(verdict(some, '', { kind: 'value', mediaType: 'application/json', value })).toBe(
      'ambiguous_request',
    )
  })

  test('is not missed where the operation takes none, and looked at where there is one', () => {
    const get = operation('getPatients', 'GET /patient', {
      request: { query: { email: { type: 'string' } } },
    })
    const email = fields('email')
    expect(email.verdict(sent(get, 'email=a'))).toBe('within')
    expect(email.verdict(sent(get, 'email=a', json({ email: 'a' })))).toBe('within')
    expect(email.verdict(sent(get, 'email=a', json({ name: 'a' })))).toBe('field_not_allowed')
    expect(email.verdict(sent(get, 'email=a', text('x', 'text/plain')))).toBe('body_required')
    const post = operation('restart', 'POST /restart')
    expect(email.verdict(sent(post, 'email=a'))).toBe('body_required')
    expect(email.verdict(sent(post, 'email=a', { kind: 'none' }))).toBe('within')
  })
})

describe('fields of a query', () => {
  const some = fields('identifier', 'email', 'filter.name', 'a\\.b')
  const get = operation('find', 'GET /patient', {
    request: { query: { ids: { array: 'repeated' }, filter: { deepObject: { members: {}, open: true } } } },
  })
  const of = (query: string, patterns = some) => patterns.verdict(sent(get, query))

  test.each([
    ['', 'within'],
    ['identifier=7', 'within'],
    ['identifier', 'within'],
    ['&identifier=7&&', 'within'],
    ['identifier=7&name=x', 'field_not_allowed'],
    ['Identifier=7', 'field_not_allowed'],
    ['=7', 'field_not_allowed'],
    ['identi%66ier=7', 'within'],
    ['identi%2566ier=7', 'field_not_allowed'],
    ['a.b=1', 'within'],
    ['filter[name]=1', 'within'],
    ['filter%5Bname%5D=1', 'within'],
    ['filter.name=1', 'field_not_allowed'],
    ['filter[mail]=1', 'field_not_allowed'],
    ['filter[name][x]=1', 'ambiguous_request'],
    ['filter[]=1', 'ambiguous_request'],
    ['filter[name=1', 'ambiguous_request'],
    ['filter=1', 'field_not_allowed'],
    ['email[]=1', 'field_not_allowed'],
  ])('?%s: %s', (query, expected) => {
    expect(of(query)).toBe(expected)
  })

  test.each([
    'identifier=%',
    'identifier=%zz',
    'identifier=%C0%AF',
    'identifier=%ff',
    'identifier=%00',
    '%00=1',
    'identifier=a;email=b',
    'identifier=a#email',
    'identifier=a b',
    'identifier=é',
    'identifier=1&identifier=2',
    'identifier=1&identifie%72=1',
    'filter[name]=1&filter[name]=2',
    Array.from({ length: 1_001 }, (_, i) => `x${i}`).join('&'),
  ])('?%s is ambiguous', (query) => {
    expect(of(query)).toBe('ambiguous_request')
  })

  test('may stand several times where the document declares an array', () => {
    expect(of('ids=1&ids=2', fields('ids'))).toBe('within')
    expect(of('ids=1&ids=2')).toBe('field_not_allowed')
  })

  test('are named first where they are outside', () => {
    expect(firstOutside(some, sent(get, 'email=1&filter[q.r]=2'))).toBe('filter.q\\.r')
  })
})

test('a body is looked through once or twice, however many lists of fields there are', () => {
  let reads = 0
  const item = Object.defineProperty({}, 'minSize', { enumerable: true, get: () => ++reads })
  const value = { nodeGroups: Array.from({ length: 10 }, () => item) }
  const request = sent(put, '', { kind: 'value', mediaType: 'application/json', value })
  const lists = Array.from({ length: 100 }, (_, i) => fields('nodeGroups.maxSize', `metadata.n${i}`))
  for (const list of lists) expect(list.verdict(request)).toBe('field_not_allowed')
  for (const list of lists) expect(firstOutside(list, request)).toBe('nodeGroups.minSize')
  // How deep it is, what the first list holds of it, and what its fields are.
  expect(reads).toBeLessThanOrEqual(3 * 10)
})

/** The rule said plainly: every leaf's path has a pattern that is a prefix of it. */
function naiveWithin(patterns: readonly FieldPattern[], value: unknown): boolean {
  const leaves = (at: unknown, path: readonly string[]): readonly (readonly string[])[] => {
    if (typeof at !== 'object' || at === null || Object.keys(at).length === 0) return [path]
    return Object.entries(at).flatMap(([name, one]) =>
      leaves(one, Array.isArray(at) ? path : [...path, name]),
    )
  }
  const covers = (pattern: FieldPattern, path: readonly string[]) =>
    pattern.length <= path.length && pattern.every((step, i) => step === anyName || step === path[i])
  return leaves(value, []).every((path) => patterns.some((pattern) => covers(pattern, path)))
}

test('the verdict is that of the rule said plainly, for any patterns and body', () => {
  const name = fc.constantFrom('a', 'b', 'c', '__proto__')
  const pattern = fc.array(fc.oneof(name, fc.constant(anyName)), { minLength: 1, maxLength: 3 })
  // Sound: there is at least one step.
  const patterns = fc.array(pattern, { maxLength: 4 }).map((list) => list as unknown as FieldPattern[])
  const { tree: body } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, depthSize: 'medium' },
      fc.constantFrom(null, 1, 'x', true),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.array(fc.tuple(name, tie('tree')), { maxLength: 3 }).map((list) => Object.fromEntries(list)),
    ),
  }))
  const seen = new Set<string>()
  fc.assert(
    fc.property(patterns, body, (list, value) => {
      const request = sent(put, '', json(value))
      const compiled = new RequestFields(list)
      const expected = naiveWithin(list, value)
      seen.add(compiled.verdict(request))
      expect(compiled.verdict(request)).toBe(expected ? 'within' : 'field_not_allowed')
      expect(firstOutside(compiled, request) === undefined).toBe(expected)
    }),
    { numRuns: 1_000 },
  )
  expect([...seen].sort()).toEqual(['field_not_allowed', 'within'])
})
