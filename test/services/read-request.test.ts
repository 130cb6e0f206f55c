import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RequestShape } from '../../src/evaluator/model.ts'
import { checkFieldPatterns } from '../../src/evaluator/request/check-field-patterns.ts'
import { readDocument } from '../../src/services/read-document.ts'
import { shapeReader } from '../../src/services/read-value-shape.ts'
import { shopDocument } from './deployment.ts'
import { describedValue, leavesOf } from './described-values.ts'

/** What is read of `POST /orders` of an OpenAPI document of that version. */
async function read(operation: object, more: { schemas?: object; item?: object; openapi?: string } = {}) {
  const document = shopDocument((doc) => {
    doc.openapi = more.openapi ?? '3.1.0'
    doc.components.schemas = more.schemas ?? {}
    Object.assign(doc.paths['/orders'], more.item)
    Object.assign(doc.paths['/orders'].post, operation)
  })
  const { model, warnings } = await readDocument(document)
  return { request: model.operations.find(({ id }) => id === 'createOrder')?.request, warnings }
}

const jsonBody = (schema: object, mediaType = 'application/json') => ({
  requestBody: { content: { [mediaType]: { schema } } },
})
const bodyOf = async (schema: object, schemas: object = {}, openapi?: string) =>
  (await read(jsonBody(schema), { schemas, ...(openapi === undefined ? {} : { openapi }) })).request?.body
const text = { type: 'string' }
const whole = { type: 'integer' }
const query = (name: string, more: object) => ({ name, in: 'query', ...more })
const queryOf = async (...parameters: object[]) => (await read({ parameters })).request?.query

test('an operation that declares neither query nor body has no request', async () => {
  expect(await read({})).toEqual({ request: undefined, warnings: [] })
})

describe('a declared body', () => {
  test('is a tree of members, items and scalars', async () => {
    const schema = {
      type: 'object',
      properties: {
        name: text,
        lines: {
          type: 'array',
          items: { type: 'object', properties: { count: whole, price: { type: 'number' } } },
        },
        paid: { type: 'boolean' },
        rest: {},
        labels: { type: 'object', additionalProperties: text },
        anything: { type: 'object' },
      },
    }
    expect(await bodyOf(schema)).toEqual({
      members: {
        name: 'string',
        lines: { items: { members: { count: 'integer', price: 'number' } } },
        paid: 'boolean',
        rest: 'any',
        labels: { members: {}, open: true },
        anything: { members: {}, open: true },
      },
    })
  })

  test.each([
    ['3.1', { type: ['integer', 'null'] }, '3.1.0'],
    ['3.0', { type: 'integer', nullable: true }, '3.0.3'],
    ['null as an alternative', { oneOf: [{ type: 'null' }, whole] }, '3.1.0'],
    ['the type of its values', { enum: [1, 2, null] }, '3.1.0'],
  ])('may be null, which says nothing: %s', async (name, schema, openapi) => {
    const expected = name === 'the type of its values' ? 'number' : 'integer'
    expect(await bodyOf({ type: 'object', properties: { a: schema } }, {}, openapi)).toEqual({
      members: { a: expected },
    })
  })

  test.each(['allOf', 'oneOf', 'anyOf'])('has the members of every part of %s', async (key) => {
    const parts = [{ $ref: '#/components/schemas/A' }, { type: 'object', properties: { b: whole } }]
    const A = { type: 'object', properties: { a: text } }
    expect(await bodyOf({ [key]: parts, properties: { c: text } }, { A })).toEqual({
      members: { c: 'string', a: 'string', b: 'integer' },
    })
  })

  test('is any where its parts disagree', async () => {
    const parts = (a: object, b: object) => ({
      type: 'object',
      properties: { a: { oneOf: [a, b] } },
    })
    expect(await bodyOf(parts(text, whole))).toEqual({ members: { a: 'any' } })
    expect(await bodyOf(parts(whole, { type: 'number' }))).toEqual({ members: { a: 'number' } })
    expect(await bodyOf(parts(text, {}))).toEqual({ members: { a: 'any' } })
    expect(await bodyOf(parts(text, { type: 'array', items: text }))).toEqual({ members: { a: 'any' } })
  })

  test('keeps its members where an alternative only says which are required', async () => {
    const schema = {
      type: 'object',
      properties: { a: text },
      anyOf: [{ required: ['a'] }, { required: ['b'] }],
    }
    expect(await bodyOf(schema)).toEqual({ members: { a: 'string' } })
  })

  test('is followed through references, and round a circle once', async () => {
    const schemas = {
      Node: { type: 'object', properties: { id: text, next: { $ref: '#/components/schemas/Node' } } },
      Self: { allOf: [{ $ref: '#/components/schemas/Self' }] },
    }
    expect(await bodyOf({ $ref: '#/components/schemas/Node' }, schemas)).toEqual({
      members: { id: 'string', next: 'any' },
    })
    expect(await bodyOf({ $ref: '#/components/schemas/Self' }, schemas)).toBe('any')
  })

  test('has what stands beside a reference as well', async () => {
    const A = { type: 'object', properties: { a: text } }
    const beside = { $ref: '#/components/schemas/A', properties: { b: whole } }
    expect(await bodyOf(beside, { A })).toEqual({ members: { a: 'string', b: 'integer' } })
  })

  test('has what stands beside a reference on the way to another one', async () => {
    const schemas = {
      Order: { $ref: '#/components/schemas/Base', properties: { b: whole } },
      Base: { type: 'object', properties: { a: text } },
    }
    expect(await bodyOf({ $ref: '#/components/schemas/Order' }, schemas)).toEqual({
      members: { a: 'string', b: 'integer' },
    })
  })

  const named = { type: 'object', properties: { a: text } }
  test.each<[string, object, object]>([
    ['any object as an alternative', { oneOf: [{ type: 'object' }, named] }, { open: true }],
    [
      'an object that may be whatever',
      { type: 'object', anyOf: [{ required: ['b'] }, named] },
      { open: true },
    ],
    ['names that follow a rule', { ...named, propertyNames: { pattern: '^x' } }, { open: true }],
    ['what builds on it', { ...named, discriminator: { propertyName: 'a' } }, { open: true }],
    [
      'what more there is',
      { dependentSchemas: { a: { properties: { b: whole } } }, ...named },
      { members: { a: 'string', b: 'integer' } },
    ],
  ])('has members beside those that it names: %s', async (_, schema, expected) => {
    expect(await bodyOf(schema)).toMatchObject(expected)
  })

  test('never leaves out a field of a value that it describes', () => {
    fc.assert(
      fc.property(describedValue, ({ schema, schemas, value }) => {
        const { shape } = shapeReader({ components: { schemas } }).read(schema)
        const fields = leavesOf(value)
        for (let i = 0; i < fields.length; i += 100)
          expect(checkFieldPatterns(fields.slice(i, i + 100), [{ body: shape }])).not.toHaveProperty('faults')
      }),
      { numRuns: 1_000 },
    )
  })

  test.each([
    ['null', { type: 'null' }],
    ['what is looked at already', { $ref: '#/components/schemas/L' }],
  ])('is cut off where members may be one of many that are %s', (_, alternative) => {
    const L = { type: 'string', anyOf: Array.from({ length: 10_000 }, () => alternative) }
    const members = Array.from({ length: 900 }, (_, i) => [`m${i}`, { $ref: '#/components/schemas/L' }])
    const schema = { type: 'object', properties: Object.fromEntries(members) }
    const started = performance.now()
    expect(shapeReader({ components: { schemas: { L } } }).read(schema).cut).toBe(true)
    // Each counted: 20 milliseconds. Not counted: 800 and more, of each operation.
    expect(performance.now() - started).toBeLessThan(400)
  })

  test('takes __proto__ for a name like any other', async () => {
    const schema = JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}')
    const body = await bodyOf(schema)
    expect(JSON.stringify(body)).toBe('{"members":{"__proto__":"string"}}')
  })

  test('is cut where it is too deep, and that is told', async () => {
    const deep = Array.from({ length: 30 }).reduce<object>(
      (of) => ({ type: 'object', properties: { a: of } }),
      text,
    )
    const { request, warnings } = await read(jsonBody(deep))
    expect(JSON.stringify(request).match(/members/g)).toHaveLength(12)
    expect(warnings).toEqual([
      {
        pointer: '/paths/~1orders/post/requestBody/content/application~1json',
        detail: expect.stringContaining('too large to be kept whole'),
      },
    ])
  })

  test('is cut where references multiply, or members are too many, and stays small', async () => {
    const name = (i: number) => ({ $ref: `#/components/schemas/S${i}` })
    const multiplying = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [
        `S${i}`,
        i === 39 ? text : { type: 'object', properties: { a: name(i + 1), b: name(i + 1) } },
      ]),
    )
    const many = {
      type: 'object',
      properties: Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`m${i}`, text])),
    }
    for (const [schema, schemas] of [
      [name(0), multiplying],
      [{ allOf: [many] }, {}],
    ] as const) {
      const { request, warnings } = await read(jsonBody(schema), { schemas })
      expect(warnings).toHaveLength(1)
      expect(JSON.stringify(request).length).toBeLessThan(40_000)
    }
    expect(await bodyOf(many)).toMatchObject({ open: true })
  })

  test('survives a chain of parts without end', async () => {
    const schemas = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, i) => [
        `S${i}`,
        { allOf: [{ $ref: `#/components/schemas/S${i + 1}` }] },
      ]),
    )
    const { request } = await read(jsonBody({ $ref: '#/components/schemas/S0' }), {
      schemas: { ...schemas, S20000: text },
    })
    expect(request?.body).toBe('any')
  })

  test.each<[string, string[], RequestShape]>([
    ['JSON', ['application/json'], { body: 'string' }],
    ['JSON by another name', ['application/vnd.shop+json; charset=utf-8'], { body: 'string' }],
    ['a merge patch', ['application/merge-patch+json'], { body: 'string' }],
    ['a JSON Patch', ['application/json-patch+json'], { otherBody: true }],
    ['JSON or a form', ['application/json', 'multipart/form-data'], { body: 'string', otherBody: true }],
    ['anything', ['*/*'], { body: 'string', otherBody: true }],
    ['another encoding', ['application/json; charset=utf-16'], { otherBody: true }],
  ])('says whether it is JSON: %s', async (_, mediaTypes, expected) => {
    const content = Object.fromEntries(mediaTypes.map((one) => [one, { schema: text }]))
    expect((await read({ requestBody: { content } })).request).toEqual(expected)
  })

  test('is what any of its JSON media types says', async () => {
    const content = {
      'application/json': { schema: { type: 'object', properties: { a: text } } },
      'application/merge-patch+json': { schema: { type: 'object', properties: { a: text, b: whole } } },
    }
    expect((await read({ requestBody: { content } })).request?.body).toEqual({
      members: { a: 'string', b: 'integer' },
    })
  })
})

describe('declared query parameters', () => {
  test('have the type of their schema; the operation overrides its path', async () => {
    const { request } = await read(
      { parameters: [query('page', { schema: whole }), query('q', { schema: {} })] },
      {
        item: {
          parameters: [query('page', { schema: text }), query('paid', { schema: { type: 'boolean' } })],
        },
      },
    )
    expect(request).toEqual({ query: { page: { type: 'integer' }, paid: { type: 'boolean' }, q: {} } })
  })

  test.each([
    [{}, 'repeated'],
    [{ style: 'form', explode: true }, 'repeated'],
    [{ explode: false }, 'comma'],
    [{ style: 'spaceDelimited' }, 'space'],
    [{ style: 'pipeDelimited', explode: false }, 'pipe'],
  ])('that are arrays stand as the document says: %o', async (how, array) => {
    expect(await queryOf(query('ids', { ...how, schema: { type: 'array', items: whole } }))).toEqual({
      ids: { type: 'integer', array },
    })
  })

  test('that are objects stand in brackets, or as a parameter for each member', async () => {
    const schema = { type: 'object', properties: { min: whole, of: { type: 'array', items: text } } }
    expect(await queryOf(query('price', { style: 'deepObject', schema }))).toEqual({
      price: { deepObject: { members: { min: 'integer', of: { items: 'string' } } } },
    })
    expect(await queryOf(query('price', { schema }))).toEqual({
      min: { type: 'integer' },
      of: { unreadable: true },
    })
  })

  test.each([
    ['is a document', { content: { 'application/json': { schema: { type: 'object' } } } }],
    ['has no form', { style: 'pipeDelimited', explode: true, schema: { type: 'array', items: text } }],
    ['has no form in a query', { schema: { type: 'array', items: { type: 'object' } } }],
    [
      'is an object in the style form',
      { explode: false, schema: { type: 'object', properties: { a: text } } },
    ],
    ['is an object without members', { schema: { type: 'object' } }],
  ])('of which the value cannot be read are told, and known by name: one that %s', async (_, how) => {
    const { request, warnings } = await read({ parameters: [query('odd', how)] })
    expect(request).toEqual({ query: { odd: { unreadable: true } } })
    expect(warnings).toEqual([
      { pointer: '/paths/~1orders/post/parameters/0', detail: expect.stringContaining('only the name') },
    ])
  })
})
