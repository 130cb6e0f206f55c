import { describe, expect, test } from 'vitest'
import type { RequestShape } from '../../../src/evaluator/model.ts'
import { checkFieldPatterns } from '../../../src/evaluator/request/check-field-patterns.ts'
import { checkRequestVariable } from '../../../src/evaluator/request/check-request-variable.ts'
import { anyName } from '../../../src/evaluator/request/field-pattern.ts'
import { readVariable } from './read-variable.ts'
import { clusterShape, putCluster } from './requests.ts'

const shape: RequestShape = {
  query: {
    dryRun: { type: 'boolean' },
    status: { type: 'string' },
    odd: { unreadable: true },
    filter: { deepObject: { members: { name: 'string' } } },
  },
  body: {
    members: {
      status: 'string',
      clusterId: 'string',
      metadata: { members: {}, open: true },
      nodeGroups: { items: { members: { maxSize: 'integer', minSize: 'integer' } } },
    },
  },
}
const put = putCluster(shape)

describe('a variable of the request, when it is saved', () => {
  const check = (written: string, of = put) => checkRequestVariable(readVariable(`$request:${written}`), of)

  test.each([
    ['path:clusterId', 'path', 'string'],
    ['dryRun', 'query', 'boolean'],
    ['query:status', 'query', 'string'],
    ['filter:name', 'query', 'string'],
    ['filter', 'query', 'object'],
    ['body:status', 'body', 'string'],
    ['nodeGroups:maxSize', 'body', 'integer'],
    ['nodeGroups', 'body', 'object'],
    ['metadata:anything:at:all', 'body', 'any'],
  ])('$request:%s is of the %s, and %s', (written, place, type) => {
    expect(check(written)).toEqual({ in: place, type })
  })

  test.each([
    [
      'status',
      '$request:status is a query parameter and a field of the body',
      'write $request:query:status or $request:body:status',
    ],
    [
      'clusterId',
      '$request:clusterId is a path parameter and a field of the body',
      'write $request:path:clusterId or $request:body:clusterId',
    ],
    ['odd', 'no condition on $request:odd holds', 'leave it out'],
    ['dryrum', 'the document declares no $request:dryrum of putCluster', 'did you mean $request:dryRun?'],
    [
      'nodeGroups:maxsize',
      'declares no $request:nodeGroups:maxsize',
      'did you mean $request:nodeGroups:maxSize?',
    ],
    ['minSize', 'declares no $request:minSize', 'did you mean $request:nodeGroups:minSize?'],
    ['body:nodeGroup:minSize', 'declares no', 'did you mean $request:body:nodeGroups:minSize?'],
    ['query:zebra', 'declares no', 'declared are $request:query:dryRun, $request:query:status'],
    ['status:deeper', 'declares no', 'declared are'],
  ])('$request:%s is refused, with what to write', (written, detail, fix) => {
    expect(check(written)).toEqual({
      detail: expect.stringContaining(detail),
      fix: expect.stringContaining(fix),
    })
  })

  test('is refused where the operation takes no JSON', () => {
    expect(check('body:name', putCluster({ otherBody: true }))).toEqual({
      detail: 'putCluster takes no JSON body',
      fix: 'the document declares nothing here',
    })
    expect(check('name', putCluster(undefined, { parameters: {} }))).toMatchObject({
      fix: 'the document declares nothing here',
    })
  })
})

describe('fields, when they are saved', () => {
  test('are read where each is declared by one of the operations', () => {
    const written = [
      'metadata.x.y',
      'nodeGroups.maxSize',
      'dryRun',
      'filter.name',
      '*',
      'nodeGroups.*',
      'zone',
    ]
    expect(checkFieldPatterns(written, [shape, undefined, clusterShape])).toEqual({
      patterns: [
        ['metadata', 'x', 'y'],
        ['nodeGroups', 'maxSize'],
        ['dryRun'],
        ['filter', 'name'],
        [anyName],
        ['nodeGroups', anyName],
        ['zone'],
      ],
    })
  })

  test.each([
    ['nodeGroups.maxsize', 'did you mean nodeGroups.maxSize?'],
    ['maxSize', 'did you mean nodeGroups.maxSize?'],
    ['dry-run', 'did you mean dryRun?'],
    ['dryRun.x', 'did you mean dryRun?'],
    ['clusterId.*', 'did you mean clusterId?'],
    ['filter\\.name', 'did you mean filter.name?'],
    ['somethingElse', 'declared are dryRun, status'],
  ])('%s is refused, with the nearest right spelling', (written, fix) => {
    expect(checkFieldPatterns(['status', written], [shape])).toEqual({
      faults: [
        {
          index: 1,
          detail: expect.stringContaining(`no ${written}, neither`),
          fix: expect.stringContaining(fix),
        },
      ],
    })
  })

  test('tell every fault at once', () => {
    expect(checkFieldPatterns(['a..b', '**'], [shape])).toMatchObject({
      faults: [{ index: 0 }, { index: 1 }],
    })
    expect(checkFieldPatterns(['a', 'b'], [{ otherBody: true }])).toMatchObject({
      faults: [{ detail: expect.stringContaining('the body is not JSON') }, { index: 1 }],
    })
  })

  test('are neither none nor too many', () => {
    for (const list of [[], Array.from({ length: 201 }, () => 'status')])
      expect(checkFieldPatterns(list, [shape])).toEqual({
        faults: [{ detail: 'fields lists 1 to 200 fields', fix: expect.any(String) }],
      })
  })

  test('may be anything where the body may', () => {
    expect(checkFieldPatterns(['a.b', '*.c'], [{ body: 'any' }])).toHaveProperty('patterns')
  })
})
