import { describe, expect, test } from 'vitest'
import type { RequestShape } from '../../../src/evaluator/model.ts'
import type { BodyAtHand } from '../../../src/evaluator/request/json-body.ts'
import { requestValues } from '../../../src/evaluator/request/request-values.ts'
import { compileCondition } from '../../../src/evaluator/where/compile-condition.ts'
import { parseCondition } from '../../../src/evaluator/where/parse-condition.ts'
import type { Truth } from '../../../src/evaluator/where/truth.ts'
import { json, putCluster, sent, text } from './requests.ts'

const shape: RequestShape = {
  query: { page: { type: 'integer' }, status: { array: 'repeated' }, paid: { type: 'boolean' } },
  body: {
    members: {
      promo: {
        members: {
          discount: { members: { value: 'integer' } },
          targetProducts: { members: { value: 'string' } },
          regions: { items: 'string' },
        },
      },
    },
  },
}

/** What a condition comes out as for a request. */
function truth(where: string, query: string, body?: BodyAtHand): Truth {
  const parsed = parseCondition(where)
  if (!('condition' in parsed)) throw new Error(parsed.faults.map(({ message }) => message).join())
  const request = sent(putCluster(shape), query, body)
  return compileCondition(parsed.condition)({
    resourceTags: undefined,
    principalTags: undefined,
    principal: { id: 'key_1', kind: 'key', organizationId: 'org_a' },
    request: (variable) => {
      const values = requestValues(request, variable)
      return values === 'ambiguous_request' ? 'unusable' : values
    },
  })
}

describe('a condition on a request', () => {
  const promotion =
    "$request:promo:discount:value < 10 AND $request:promo:targetProducts:value IN ('SKU-124')"
  const promo = (value: unknown, product: string) =>
    json({ promo: { discount: { value }, targetProducts: { value: product } } })

  test.each<[string, BodyAtHand | undefined, Truth]>([
    ['is true of values that it asks for', promo(9, 'SKU-124'), 'true'],
    ['is false of others', promo(10, 'SKU-124'), 'false'],
    ['tells letter case apart', promo(9, 'sku-124'), 'false'],
    ['is unknown of a number as text', promo('9', 'SKU-124'), 'unknown'],
    ['is unknown of a field that is not there', json({ promo: {} }), 'unknown'],
    ['needs the body', undefined, 'body_required'],
    ['needs the body as JSON', text('promo=9', 'application/x-www-form-urlencoded'), 'body_required'],
  ])('%s', (_, body, expected) => {
    expect(truth(promotion, '', body)).toBe(expected)
  })

  test.each<[string, string, Truth]>([
    ['$request:page >= 9007199254740993', 'page=9007199254740993', 'true'],
    ['$request:page >= 9007199254740993', 'page=9007199254740992', 'false'],
    ['$request:page = 10', 'page=10', 'true'],
    ['$request:page IS NULL', '', 'true'],
    ['$request:page IS NULL', 'page=x', 'unknown'],
    ['$request:page IS NULL', 'PAGE=1', 'unknown'],
    ['$request:page != 1', 'page=1&page=2', 'unknown'],
    ['$request:paid = TRUE', 'paid=true', 'true'],
    ["$request:status IN ('new', 'open')", 'status=new&status=open', 'true'],
    ["$request:status IN ('new', 'open')", 'status=new&status=closed', 'unknown'],
    ["$request:status != 'closed'", 'status=closed&status=new', 'unknown'],
    ["$request:path:clusterId = 'c1'", '', 'true'],
  ])('%s of ?%s is %s', (where, query, expected) => {
    expect(truth(where, query, { kind: 'none' })).toBe(expected)
  })

  test('does not hold for a list in which one item is missing or of another kind', () => {
    const where = "$request:promo:regions LIKE 'eu-%'"
    expect(truth(where, '', json({ promo: { regions: ['eu-1', 'eu-2'] } }))).toBe('true')
    for (const regions of [['eu-1', null], ['eu-1', 5], [], ['eu-1', 'us-1']])
      expect(truth(where, '', json({ promo: { regions } }))).toBe('unknown')
  })
})
