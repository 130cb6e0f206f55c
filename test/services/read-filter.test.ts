import { describe, expect, test } from 'vitest'
import { operationNames } from '../../src/services/operation-names.ts'
import { readFilters } from '../../src/services/read-filter.ts'
import { operation } from '../evaluator/clinic-model.ts'

const names = operationNames([
  operation('getCluster', 'GET /clusters/{clusterId}'),
  operation('listClusters', 'GET /clusters'),
  operation('getBill', 'GET /bill'),
])
const read = (filter: unknown) =>
  readFilters(filter, { names, allowed: new Set(['getCluster', 'listClusters']) }, '/filter')

describe('the filter of a role', () => {
  test.each([
    [
      {
        operations: ['GET /clusters/{id}', 'listClusters'],
        fields: ['metadata.name', 'vpc.subnets.*', 'metadata.name'],
      },
      { operations: ['getCluster', 'listClusters'], fields: ['metadata.name', 'vpc.subnets.*'] },
    ],
    [
      { operations: ['GET:/clusters/{id}:[a, b.c]'], mask: '***' },
      { operations: ['getCluster'], fields: ['a', 'b.c'], mask: '***' },
    ],
  ])('is kept in its one spelling: %j', (written, kept) => {
    expect(read([written])).toEqual({ filter: [kept], faults: [] })
  })

  test.each([
    [{}, '/filter', 'filter is a list'],
    [[{ operations: ['getCluster'] }], '/filter/0/fields', 'lists the fields that are shown'],
    [[{ operations: ['getCluster'], fields: [] }], '/filter/0/fields', 'lists 1 to 200 fields'],
    [[{ operations: ['getCluster'], fields: ['a', 'b..c'] }], '/filter/0/fields/1', 'a name is missing'],
    [
      [{ operations: ['getCluster'], fields: ['a'], mask: 'x'.repeat(65) }],
      '/filter/0/fields',
      'at most 64 characters',
    ],
    [[{ operations: ['getCluster'], fields: ['a'], mask: 7 }], '/filter/0/mask', 'a mask is a text'],
    [[{ operations: ['getCluster'], fields: ['a'], masks: '*' }], '/filter/0/masks', 'a filter has no masks'],
    [[{ operations: ['getClusters'], fields: ['a'] }], '/filter/0/operations/0', 'no operation getClusters'],
    [[{ operations: ['getBill'], fields: ['a'] }], '/filter/0/operations/0', 'does not allow getBill'],
    [[{ operations: ['getCluster:[a]'], fields: ['a'] }], '/filter/0/operations/0', 'both'],
  ])('is refused where it shows nothing that anybody can name: %j', (filter, pointer, detail) => {
    expect(read(filter).faults).toMatchObject([{ pointer, detail: expect.stringContaining(detail) }])
  })
})
