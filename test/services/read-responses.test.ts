import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseFieldPattern } from '../../src/evaluator/request/field-pattern.ts'
import { undeclaredInResponses } from '../../src/evaluator/response/check-filter-fields.ts'
import { operationNames } from '../../src/services/operation-names.ts'
import { readFilters } from '../../src/services/read-filter.ts'
import { responseReader } from '../../src/services/read-responses.ts'
import { operation } from '../evaluator/clinic-model.ts'
import { describedValue, leavesOf } from './described-values.ts'

interface Answers {
  readonly listOrders: object
  readonly getOrder: object
}

/** A document of three operations, one of which says nothing of its responses. */
const documentWith = (listOrders: object, getOrder: object, schemas: object = {}) => ({
  answers: { listOrders, getOrder },
  schemas,
})

function read({ answers, schemas }: { readonly answers: Answers; readonly schemas: object }) {
  const reader = responseReader({ components: { schemas } })
  for (const [id, responses] of Object.entries(answers)) reader.read(id, { responses })
  return reader.all()
}

const names = operationNames([
  operation('listOrders', 'GET /orders'),
  operation('getOrder', 'GET /orders/{order}'),
  operation('deleteOrder', 'DELETE /orders/{order}'),
])
const allowed = new Set(['listOrders', 'getOrder', 'deleteOrder'])

const nothing = { 204: { description: 'done' } }
const json = (schema: object, mediaType = 'application/json') => ({
  description: 'as asked',
  content: { [mediaType]: { schema } },
})
const text = { type: 'string' }
const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more })
const of = (name: string) => ({ $ref: `#/components/schemas/${name}` })

/** What is said against a filter that shows these fields. */
function faultsOf(
  document: Parameters<typeof read>[0],
  fields: readonly string[],
  ...operations: readonly string[]
) {
  const filter = [{ operations: operations.length === 0 ? ['getOrder'] : operations, fields }]
  return readFilters(filter, { names, allowed, responses: read(document).shapes }, '/filter').faults
}

const order = object({
  id: { type: 'integer' },
  customer: object({ name: text, address: object({ city: text }) }),
  lines: { type: 'array', items: object({ count: { type: 'integer' } }) },
})

describe('a field that a filter shows', () => {
  const document = documentWith(
    { 200: json({ type: 'array', items: object({ total: text }) }) },
    { 200: json(order), 404: json(object({ message: text })), default: json(object({ hint: text })) },
  )

  test.each([
    ...['id', 'customer', 'customer.address.city', 'lines.count', 'customer.*', '*.count', '*.*.city'],
    // Filters are put over what an operation says of an error, too.
    ...['message', 'hint'],
  ])('is one of a response of the operation: %s', (field) => {
    expect(faultsOf(document, [field])).toEqual([])
  })

  test.each([
    ['custmer', 'did you mean customer?'],
    ['customer.adress.city', 'did you mean customer.address.city?'],
    ['lines.*.count', 'did you mean lines.count?'],
    ['id.value', 'declared are id, customer, lines, message, hint, customer.name'],
    ['*.*.*.*', 'declared are id'],
    ['__proto__', 'declared are id'],
  ])('is refused where no response has it: %s', (field, fix) => {
    expect(faultsOf(document, ['id', field])).toEqual([
      {
        pointer: '/filter/0/fields/1',
        detail: `no response of getOrder has ${field}`,
        fix: expect.stringContaining(fix),
      },
    ])
  })

  test('may be one of any of several operations, items of a list too', () => {
    expect(faultsOf(document, ['id', 'total'], 'getOrder', 'listOrders')).toEqual([])
    expect(faultsOf(document, ['totl'], 'getOrder', 'listOrders')).toMatchObject([
      { detail: 'no response of getOrder, listOrders has totl', fix: 'did you mean total?' },
    ])
  })

  test('may be any where the document does not say what one of the operations answers', () => {
    expect(faultsOf(document, ['whatever'], 'getOrder', 'deleteOrder')).toEqual([])
  })
})

describe('responses of which nothing can be told', () => {
  test.each([
    ['no content', { 200: { description: 'ok' } }],
    ['no success', { default: json(order), 404: json(order) }],
    ['no schema', { 200: { description: 'ok', content: { 'application/json': {} } } }],
    ['what is not JSON', { 200: json(order, 'text/csv') }],
    ['any of two, one of which may be anything', { 200: json(order), 201: json({}) }],
    ['an object of which nothing is said', { 200: json({ type: 'object' }) }],
    ['a map', { 200: json({ type: 'object', additionalProperties: text }) }],
    ['an object that says that there are others', { 200: json({ ...order, additionalProperties: true }) }],
    ['names by a pattern', { 200: json({ ...order, patternProperties: { '^x-': text } }) }],
    ['several types', { 200: json({ type: ['object', 'string'], properties: { id: text } }) }],
    ['a list of anything', { 200: json({ type: 'array' }) }],
    ['an alternative that says nothing', { 200: json({ oneOf: [order, { description: 'or else' }] }) }],
    ['an anchor', { 200: json({ ...order, $ref: '#order' }) }],
    [
      'what others build on and stand in for',
      { 200: json(object({ kind: text }, { discriminator: { propertyName: 'kind' } })) },
    ],
  ])('let a filter show any field: %s', (_, responses) => {
    expect(faultsOf(documentWith(nothing, responses), ['whatever'])).toEqual([])
  })
})

describe('the schema of a response', () => {
  const schemas = {
    Node: object({ label: text, children: { type: 'array', items: of('Node') }, owner: of('Owner') }),
    Owner: object({ name: text, root: of('Node') }),
    Named: { $ref: '#/components/schemas/Owner', properties: { alias: text } },
    Circle: { allOf: [of('Circle')] },
    Base: object({ kind: text }),
  }
  const fields = (schema: object, field: string) =>
    faultsOf(documentWith(nothing, { '2XX': json(schema, 'application/hal+json') }, schemas), [field]).map(
      ({ fix }) => fix,
    )

  test('may hold itself, however deep a field is asked for', () => {
    const deep = `${'children.'.repeat(15)}owner.root.`
    expect(fields(of('Node'), `${deep}label`)).toEqual([])
    expect(fields(of('Node'), `${deep}lable`)).toHaveLength(1)
    expect(fields(of('Node'), 'owner.nmae')).toEqual(['did you mean owner.name?'])
  })

  test('has the members of all its parts, and of what it refers to on the way', () => {
    const whole = {
      allOf: [of('Base'), { anyOf: [object({ a: text }), { type: 'null' }] }],
      oneOf: [object({ b: text }), text],
      if: object({ c: text }),
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema; nothing awaits it
      then: object({ d: text }),
      dependentSchemas: { d: object({ e: text }) },
    }
    for (const field of ['kind', 'a', 'b', 'c', 'd', 'e']) expect(fields(whole, field)).toEqual([])
    expect(fields(whole, 'f')).toHaveLength(1)
    const named = { type: 'array', items: of('Named') }
    for (const field of ['alias', 'name', 'root.owner']) expect(fields(named, field)).toEqual([])
    expect(fields(named, 'alia')).toEqual(['did you mean alias?'])
  })

  test('may lead back to itself and say nothing', () => {
    expect(fields(of('Circle'), 'whatever')).toEqual([])
  })
})

test('no field of a value that the schema describes is ever refused', () => {
  fc.assert(
    fc.property(describedValue, ({ schema, schemas, value }) => {
      const reader = responseReader({ components: { schemas } })
      reader.read('getOrder', { responses: { 200: json(schema) } })
      const patterns = leavesOf(value).map((field) => parseFieldPattern(field))
      const fields = patterns.flatMap((read) => ('pattern' in read ? [read.pattern] : []))
      expect(fields).toHaveLength(patterns.length)
      expect(undeclaredInResponses(fields, ['getOrder'], reader.all().shapes, { looks: 500_000 })).toEqual([])
    }),
    { numRuns: 1_000 },
  )
})

describe('responses that are too much to be kept whole', () => {
  const properties = Object.fromEntries(Array.from({ length: 101_000 }, (_, i) => [`m${i}`, text]))

  test('are told, and fields of the rest are not refused', () => {
    const document = documentWith(nothing, { 200: json(object(properties)) })
    expect(faultsOf(document, ['m100999'])).toEqual([])
    expect(read(document).warnings).toMatchObject([
      { pointer: '/paths', detail: expect.stringContaining('too much to be kept whole') },
    ])
  })

  test('are no more work where references multiply', () => {
    const schemas = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [
        `S${i}`,
        {
          allOf: Array.from({ length: 20 }, () => of(`S${i + 1}`)),
          properties: { [`p${i}`]: of(`S${i + 1}`) },
        },
      ]),
    )
    const document = documentWith(
      nothing,
      { 200: json(of('S0')) },
      { ...schemas, S20: object({ end: text }) },
    )
    expect(faultsOf(document, ['p0.p19', 'end', 'p5.p7.end'])).toEqual([])
    expect(faultsOf(document, ['p5.p4'])).toHaveLength(1)
  })

  test('are no more work where many members have many alternatives, and may be anything anyway', () => {
    const many = 3_000
    const wide = { type: ['string', 'integer'], oneOf: Array.from({ length: many }, () => of('Leaf')) }
    const members = Object.fromEntries(Array.from({ length: many }, (_, i) => [`m${i}`, of('Wide')]))
    const document = documentWith(nothing, { 200: json(object(members)) }, { Wide: wide, Leaf: text })
    expect(faultsOf(document, ['m0.whatever'])).toEqual([])
    expect(faultsOf(document, ['n0'])).toHaveLength(1)
  })

  test('hold nobody up where each object may hold all others, and what was not looked at is not refused', () => {
    const ids = Array.from({ length: 300 }, (_, i) => i)
    const any = { anyOf: ids.map((i) => of(`S${i}`)) }
    const schemas = Object.fromEntries(ids.map((i) => [`S${i}`, object({ [`m${i}`]: any })]))
    const document = documentWith(nothing, { 200: json(of('S0')) }, schemas)
    expect(faultsOf(document, ['m1'])).toMatchObject([{ fix: expect.stringContaining('did you mean m0') }])
    const { shapes } = read(document)
    const fields = ids.slice(0, 100).map((i) => `m0.m${i}.*.*.*.*.*.*.m${i}`)
    const started = performance.now()
    const filter = [{ operations: ['getOrder'], fields: [...fields, 'm1'] }]
    expect(readFilters(filter, { names, allowed, responses: shapes }, '/filter').faults).toEqual([])
    // Without an end to it, 10 seconds.
    expect(performance.now() - started).toBeLessThan(1_500)
  })

  test('are soon read where many references go the same long way', () => {
    const steps = Array.from({ length: 45 }, (_, i) => i)
    const schemas = Object.fromEntries([...steps.map((i) => [`R${i}`, of(`R${i + 1}`)]), ['R45', order]])
    const alternatives = { anyOf: Array.from({ length: 50 }, () => of('R0')) }
    const members = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`m${i}`, alternatives]))
    const document = documentWith(nothing, { 200: json(object(members)) }, schemas)
    const started = performance.now()
    expect(faultsOf(document, ['m7.customer.name'])).toEqual([])
    // With each of them gone to its end, 3 seconds.
    expect(performance.now() - started).toBeLessThan(1_000)
  })

  test.each([
    ['null', { type: 'null' }],
    ['what is looked at already', of('L')],
  ])('are no more work where members may be one of many that are %s', (_, alternative) => {
    const L = { type: 'string', anyOf: Array.from({ length: 10_000 }, () => alternative) }
    const members = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`m${i}`, of('L')]))
    const document = documentWith(nothing, { 200: json(object(members)) }, { L })
    const started = performance.now()
    expect(read(document).warnings).toHaveLength(1)
    // Without being counted, 6 seconds and more.
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})
