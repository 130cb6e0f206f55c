import { createServer } from 'node:http'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { DomainError } from '../../src/errors.ts'
import { readDocument } from '../../src/services/read-document.ts'
import { shopDocument } from './deployment.ts'

type Change = Parameters<typeof shopDocument>[0]

const read = (change: Change) => readDocument(shopDocument(change))

async function refusalOf(source: Uint8Array | string, audience?: string): Promise<DomainError> {
  const options = audience === undefined ? {} : { audience }
  const error = await readDocument(source, options).catch((e: unknown) => e)
  if (!(error instanceof DomainError)) throw new Error('it was not refused', { cause: error })
  return error
}

const faultsOf = async (change: Change) => (await refusalOf(shopDocument(change))).faults

const roles =
  (defined: object): Change =>
  (doc) => {
    doc['x-latchkey-roles'] = defined
  }

describe('a document that is read', () => {
  test('gives its operations, with rules of path parameters from their schemas', async () => {
    const { model, title, audience } = await read((doc) => {
      doc.components.schemas = { OrderId: { type: 'string', format: 'uuid', minLength: 36 } }
      doc.components.parameters = {
        order: {
          name: 'order',
          in: 'path',
          required: true,
          schema: { $ref: '#/components/schemas/OrderId' },
        },
      }
      doc.paths['/orders/{order}'].parameters = [{ $ref: '#/components/parameters/order' }]
    })
    expect({ title, audience }).toEqual({ title: 'Shop', audience: 'https://api.shop.example/v1' })
    expect(model.basePaths).toEqual(['/v1'])
    expect(model.operations.find(({ id }) => id === 'getOrder')).toEqual({
      id: 'getOrder',
      method: 'GET',
      path: '/orders/{order}',
      parameters: { order: { type: 'string', format: 'uuid', minLength: 36 } },
      alternatives: [['orders:read']],
      resourceParameter: 'order',
    })
  })

  test('names an operation without operationId by method and path', async () => {
    const { model } = await read((doc) => {
      delete doc.paths['/orders'].get.operationId
    })
    expect(model.operations.map(({ id }) => id)).toContain('GET /orders')
  })

  test('is the same in JSON and in YAML', async () => {
    const text = Buffer.from(shopDocument()).toString()
    expect(await readDocument(stringify(JSON.parse(text)))).toEqual(await readDocument(text))
  })

  test('lets an operation override a parameter of its path', async () => {
    const { model } = await read((doc) => {
      doc.paths['/orders/{order}'].get.parameters = [
        { name: 'order', in: 'path', required: true, schema: { type: ['integer', 'null'], maximum: 9 } },
      ]
    })
    const rules = new Map(model.operations.map(({ id, parameters }) => [id, parameters['order']]))
    expect(rules.get('getOrder')).toEqual({ type: 'integer', maximum: 9 })
    expect(rules.get('deleteOrder')).toEqual({ type: 'string', maxLength: 40 })
  })

  test('takes each path of `servers` as a base path, variables filled in, and the first absolute URL as audience', async () => {
    const { model, audience } = await read((doc) => {
      doc.servers = [
        { url: '/relative/' },
        {
          url: 'https://{region}.shop.example/{version}/',
          variables: { region: { default: 'eu' }, version: { default: 'v2', enum: ['v1', 'v2'] } },
        },
      ]
    })
    expect(audience).toBe('https://eu.shop.example/v2')
    expect(model.basePaths).toEqual(['/relative', '/v2', '/v1'])
  })

  test('follows circles of schemas and of path items no further than once', async () => {
    const { model } = await read((doc) => {
      doc.components.schemas = {
        Node: { type: 'object', properties: { next: { $ref: '#/components/schemas/Node' } } },
      }
      doc.paths['/again'] = { $ref: '#/paths/~1again' }
    })
    expect(model.operations).toHaveLength(5)
  })

  test('costs no more than its size where references multiply', async () => {
    const schemas = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => {
        const next = { $ref: `#/components/schemas/S${Math.min(i + 1, 59)}` }
        return [`S${i}`, { type: 'object', properties: { a: next, b: next } }]
      }),
    )
    const { model } = await read((doc) => {
      doc.components.schemas = schemas
    })
    expect(model.operations).toHaveLength(5)
  })

  test('sees no reference in an example', async () => {
    await read((doc) => {
      doc.paths['/orders'].get.responses = {
        200: {
          description: 'orders',
          content: { 'application/json': { example: { $ref: 'https://elsewhere.example/x' } } },
        },
      }
    })
  })

  test('keeps extensions of a parameter: the rest of the path, an encoded slash', async () => {
    const { model, warnings } = await read((doc) => {
      const file = { name: 'file', in: 'path', required: true, schema: { type: 'string' } }
      doc.paths['/files/{file}'] = {
        parameters: [{ ...file, 'x-multi-segment': true, 'x-latchkey-encoded-slash': true }],
        get: { operationId: 'getFile', responses: { 200: { description: 'a file' } } },
      }
      doc.paths['/files/{file}/owner'] = {
        parameters: [{ ...file, 'x-latchkey-multi-segment': true }],
        get: { operationId: 'getOwner', responses: { 200: { description: 'an owner' } } },
      }
    })
    const rules = new Map(model.operations.map(({ id, parameters }) => [id, parameters['file']]))
    expect(rules.get('getFile')).toEqual({ type: 'string', multiSegment: true, encodedSlash: true })
    expect(rules.get('getOwner')).toEqual({ type: 'string' })
    expect(warnings).toContainEqual({
      pointer: '/paths/~1files~1{file}~1owner/parameters/0',
      detail: expect.stringContaining('only at the end of a path'),
    })
  })

  test('keeps which parameter is the organization, and where the resource ends', async () => {
    const { model } = await read((doc) => {
      doc['x-latchkey-strict-paths'] = true
      doc.paths['/tenants/{tenant}/orders/{order}/lines/{line}'] = {
        'x-latchkey-organization': 'tenant',
        parameters: ['tenant', 'order', 'line'].map((name) => ({
          name,
          in: 'path',
          required: true,
          schema: { type: 'string' },
        })),
        get: {
          operationId: 'getLine',
          'x-latchkey-resource': 'order',
          responses: { 200: { description: '' } },
        },
      }
    })
    expect(model.strictPaths).toBe(true)
    expect(model.operations.find(({ id }) => id === 'getLine')).toMatchObject({
      organizationParameter: 'tenant',
      resourceParameter: 'order',
    })
  })

  test.each([
    ['/tenants/{tenant}/export', undefined],
    ['/orders/{order}/shares/{tenant}', 'order'],
  ])('takes no organization for the resource: %s', async (path, resourceParameter) => {
    const { model } = await read((doc) => {
      doc.paths[path] = {
        'x-latchkey-organization': 'tenant',
        parameters: [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
          ...{ name, in: 'path', required: true, schema: { type: 'string' } },
        })),
        get: { operationId: 'readThere', responses: { 200: { description: '' } } },
      }
    })
    const operation = model.operations.find(({ id }) => id === 'readThere')
    expect(operation).toMatchObject({ organizationParameter: 'tenant' })
    expect(operation?.resourceParameter).toBe(resourceParameter)
  })
})

describe('who may call an operation', () => {
  const security = async (change: Change) =>
    (await read(change)).model.operations.find(({ id }) => id === 'listOrders')

  test('without security of its own: what the root says', async () => {
    expect(await security(() => {})).toMatchObject({ alternatives: [['orders:read']] })
  })

  test.each([
    ['security: []', []],
    ['an alternative {}', [{ oauth: ['orders:read'] }, {}]],
  ])('is anybody with %s', async (_, value) => {
    const operation = await security((doc) => {
      doc.paths['/orders'].get.security = value
    })
    expect(operation?.public).toBe(true)
  })

  test('is not anybody where the document says nothing', async () => {
    const operation = await security((doc) => {
      delete doc.security
    })
    expect(operation).toMatchObject({ alternatives: [] })
    expect(operation).not.toHaveProperty('public')
  })

  test('is whom a role names, where its schemes have no scopes', async () => {
    const operation = await security((doc) => {
      doc.components.securitySchemes.key = { type: 'apiKey', in: 'header', name: 'X-Key' }
      doc.paths['/orders'].get.security = [{ key: [] }]
    })
    expect(operation).toMatchObject({ alternatives: [] })
    expect(operation).not.toHaveProperty('public')
  })

  test('needs every scope of one alternative, identity scopes aside', async () => {
    const operation = await security((doc) => {
      doc.components.securitySchemes.oidc = {
        type: 'openIdConnect',
        openIdConnectUrl: 'https://shop.example/.well-known/openid-configuration',
      }
      doc.paths['/orders'].get.security = [
        { oauth: ['orders:read', 'orders:write'], oidc: ['openid', 'orders:audit'] },
        { oidc: ['openid'] },
      ]
    })
    expect(operation?.alternatives).toEqual([['orders:read', 'orders:write', 'orders:audit']])
  })
})

describe('service-defined roles', () => {
  test('are the scopes, declared or named, grantable and delegable', async () => {
    const { model } = await read((doc) => {
      doc.paths['/orders'].post.security = [{ oauth: ['orders:audit', 'openid'] }]
    })
    expect(model.roles.map(({ name }) => name)).toEqual([
      'orders:read',
      'orders:write',
      'orders:audit',
      'admin',
      'viewer',
    ])
    expect(model.roles[0]).toEqual({
      name: 'orders:read',
      description: 'Read orders',
      grantable: true,
      inDefaultEntitlement: true,
      delegable: true,
      include: [],
      allow: [],
    })
  })

  test('are admin and viewer for the operator alone, in any organization', async () => {
    const { model } = await read(() => {})
    const operators = { grantable: false, delegable: false, anyOrganization: true }
    expect(model.roles.find(({ name }) => name === 'admin')).toMatchObject({
      ...operators,
      allow: [{ operations: model.operations.map(({ id }) => id) }],
    })
    expect(model.roles.find(({ name }) => name === 'viewer')).toMatchObject({
      ...operators,
      allow: [{ operations: ['getHealth', 'listOrders', 'getOrder'] }],
    })
  })

  test('are those of x-latchkey-roles, their operations by id or by method and path', async () => {
    const { model } = await read(
      roles({
        admin: { allow: [{ operations: ['getOrder'] }] },
        support: {
          description: 'Helps',
          grantable: true,
          include: ['orders:read'],
          allow: [{ operations: ['DELETE /orders/{id}', 'createOrder', 'post: /orders'] }],
          in_default_entitlement: false,
        },
        auditor: { any_organization: true, include: ['orders:read'] },
      }),
    )
    expect(model.roles.find(({ name }) => name === 'support')).toEqual({
      name: 'support',
      description: 'Helps',
      grantable: true,
      inDefaultEntitlement: false,
      delegable: false,
      include: ['orders:read'],
      allow: [{ operations: ['deleteOrder', 'createOrder'] }],
    })
    expect(model.roles.find(({ name }) => name === 'admin')).not.toHaveProperty('anyOrganization')
    expect(model.roles.find(({ name }) => name === 'auditor')).toMatchObject({
      grantable: false,
      anyOrganization: true,
    })
  })

  test.each([
    [
      'an unknown operation, with the nearest right spelling',
      { a: { allow: [{ operations: ['getOrder', 'listOrder'] }] } },
      { pointer: '/x-latchkey-roles/a/allow/0/operations/1', fix: 'did you mean listOrders?' },
    ],
    [
      'an unknown path, with the nearest right spelling',
      { a: { allow: [{ operations: ['GET /order/{id}'] }] } },
      { pointer: '/x-latchkey-roles/a/allow/0/operations/0', fix: 'did you mean GET /orders/{order}?' },
    ],
    [
      'a condition that is none, with its place in the text',
      { a: { allow: [{ operations: ['getOrder'], where: "$request:order == '7'" }] } },
      {
        pointer: '/x-latchkey-roles/a/allow/0/where',
        detail: expect.stringMatching(/^character 16: /),
        fix: 'write one =',
      },
    ],
    [
      'fields that the document does not declare',
      { a: { allow: [{ operations: ['getOrder'], fields: ['metadata'] }] } },
      { pointer: '/x-latchkey-roles/a/allow/0/fields/0' },
    ],
    [
      'a filter of one statement, which is the role’s',
      { a: { allow: [{ operations: ['getOrder'], filter: [] }] } },
      { pointer: '/x-latchkey-roles/a/allow/0/filter', detail: expect.stringContaining('beside allow') },
    ],
    [
      'a statement that limits nothing, because another allows all of it',
      {
        a: {
          allow: [
            { operations: ['listOrders'] },
            { operations: ['listOrders'], where: "$principal:kind = 'key'" },
          ],
        },
      },
      {
        pointer: '/x-latchkey-roles/a/allow/1',
        detail: expect.stringContaining('/x-latchkey-roles/a/allow/0'),
      },
    ],
    [
      'an unknown part of a role',
      { a: { grantible: true } },
      { pointer: '/x-latchkey-roles/a/grantible', fix: 'did you mean grantable?' },
    ],
    [
      'a name that marks organization-defined roles',
      { rol_x: {} },
      { pointer: '/x-latchkey-roles/rol_x', detail: expect.stringContaining('rol_') },
    ],
    ['a name that no token can carry', { 'a b': {} }, { pointer: '/x-latchkey-roles/a b' }],
    ['the name of an identity scope', { openid: {} }, { pointer: '/x-latchkey-roles/openid' }],
    [
      'a circle of includes',
      { a: { include: ['b'] }, b: { include: ['a'] } },
      { pointer: '/x-latchkey-roles/a/include', detail: 'the role a includes itself' },
    ],
    [
      'an include of nothing',
      { a: { include: ['order:read'] } },
      { pointer: '/x-latchkey-roles/a/include/0', fix: 'did you mean orders:read?' },
    ],
    [
      'a grantable role for any organization',
      { a: { grantable: true, any_organization: true } },
      { pointer: '/x-latchkey-roles/a/any_organization' },
    ],
    [
      'a grantable role that includes one for any organization',
      { a: { grantable: true, include: ['admin'] } },
      { pointer: '/x-latchkey-roles/a/include' },
    ],
    [
      'a role that is in the default entitlement and not grantable',
      { a: { in_default_entitlement: true } },
      { pointer: '/x-latchkey-roles/a/in_default_entitlement' },
    ],
    ['a flag that is no flag', { a: { grantable: 'yes' } }, { pointer: '/x-latchkey-roles/a/grantable' }],
    ['a list in place of the map', ['a'], { pointer: '/x-latchkey-roles' }],
  ])('refuse %s', async (_, defined, fault) => {
    expect(await faultsOf(roles(defined))).toContainEqual(expect.objectContaining(fault))
  })
})

describe('a document that is refused', () => {
  test('tells every fault at once, each with its place', async () => {
    const faults = await faultsOf((doc) => {
      delete doc.info.version
      doc.paths['/orders'].post.operationId = 'listOrders'
      doc.paths['/orders/{id}'] = doc.paths['/orders/{order}']
      doc.paths['/orders'].get.security = [{ oaut: [] }]
      doc.components.schemas = { A: { $ref: './other.yaml#/A' }, B: { $ref: '#/components/schemas/C' } }
      doc.paths['/health'].get['x-latchkey-organisation'] = 'order'
    })
    expect(faults.map(({ pointer }) => pointer)).toEqual(
      expect.arrayContaining([
        '/info',
        '/paths/~1orders/post/operationId',
        '/paths/~1orders~1{id}/get',
        '/paths/~1orders/get/security/0/oaut',
        '/components/schemas/A/$ref',
        '/components/schemas/B/$ref',
        '/paths/~1health/get/x-latchkey-organisation',
      ]),
    )
    expect(faults).toContainEqual(expect.objectContaining({ fix: 'did you mean oauth?' }))
    expect(faults).toContainEqual(expect.objectContaining({ fix: 'did you mean x-latchkey-organization?' }))
  })

  test('does so for references that leave it, and fetches none', async () => {
    let asked = 0
    const server = createServer((_, response) => {
      asked++
      response.end('{}')
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const targets = [`http://127.0.0.1:${port}/x.json`, 'file:///etc/passwd', '../../package.json']
    const faults = await faultsOf((doc) => {
      doc.components.schemas = Object.fromEntries(targets.map(($ref, i) => [`S${i}`, { $ref }]))
    })
    server.close()
    expect(asked).toBe(0)
    for (const [i, target] of targets.entries())
      expect(faults).toContainEqual({
        pointer: `/components/schemas/S${i}/$ref`,
        detail: `the reference ${target} leaves the document, and other documents are not fetched`,
        fix: expect.stringContaining('bundle'),
      })
  })

  test.each([
    ['Swagger 2.0', '{"swagger":"2.0"}', '/swagger', /OpenAPI 3\.0/],
    ['OpenAPI 3.2', '{"openapi":"3.2.0","info":{"title":"x","version":"1"}}', '/openapi', /3\.0 or 3\.1/],
    ['no OpenAPI at all', '{"title":"x"}', '/openapi', /3\.0 or 3\.1/],
    ['a list', '[]', '', /3\.0 or 3\.1/],
    ['nothing', ' \n', '', /3\.0 or 3\.1/],
    ['NUL', '{"openapi":"3.1.0\0"}', '', /text/],
    ['broken JSON', '{"openapi": ', '', /well-formed/],
    ['JSON with an escape that there is not', '{"openapi":"3.1.0","a\\x":1}', '', /well-formed/],
    [
      'a JSON key that stands twice',
      '{"openapi":"3.1.0","info":{"a":1,"\\u0061":2}}',
      '/info/a',
      /one of them/,
    ],
  ])('is %s, with what to do instead', async (_, source, pointer, fix) => {
    const error = await refusalOf(source)
    expect(error).toMatchObject({ code: 'document_refused', faults: [{ pointer }] })
    expect(error.faults[0]?.fix).toMatch(fix)
  })

  test('with one key a hundred thousand times is told of with a bounded number of faults', async () => {
    const { faults } = await refusalOf(`{${'"a":1,'.repeat(100_000)}"a":1}`)
    expect(faults.length).toBe(100)
  })

  test.each([
    [
      'a key that stands twice',
      'openapi: 3.1.0\ninfo:\n  a: 1\n  a: 2\n',
      /line 4, column 3: a key stands twice/,
    ],
    ['broken YAML', 'openapi: 3.1.0\ninfo: [\n', /line \d+/],
    ['two documents', 'openapi: 3.1.0\n---\nopenapi: 3.1.0\n', /several/],
    ['an alias without an anchor', 'openapi: *nothing\n', /nothing/],
    [
      'aliases that multiply (a billion laughs)',
      `a0: &a0 [x, x]\n${Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`).join('\n')}`,
      /alias/i,
    ],
  ])('is YAML with %s', async (_, source, detail) => {
    const error = await refusalOf(source)
    expect(error.code).toBe('document_refused')
    expect(error.faults[0]?.detail).toMatch(detail)
  })

  test.each([
    ['JSON', '['.repeat(10_000)],
    ['closed JSON', `{"openapi":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
    ['flow YAML', `openapi: ${'['.repeat(10_000)}`],
    ['block YAML', `openapi: 3.1.0\nx: \n ${'- '.repeat(10_000)}1`],
    ['nested YAML', Array.from({ length: 2_000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
  ])('is deeper than 512: %s', async (_, source) => {
    expect((await refusalOf(source)).code).toBe('body_too_deep')
  })

  test('is made deeper than 512 by aliases', async () => {
    const deep = `${'['.repeat(400)}1${']'.repeat(400)}`
    const source = `a: &a ${deep}\nb: ${'['.repeat(200)}*a${']'.repeat(200)}`
    expect((await refusalOf(source)).code).toBe('body_too_deep')
  })

  test('is not UTF-8, or larger than 32 MB', async () => {
    expect((await refusalOf(Buffer.from([0x7b, 0xff]))).code).toBe('document_refused')
    expect((await refusalOf(Buffer.alloc(32 * 1024 * 1024 + 1, 0x20))).code).toBe('body_too_large')
  })

  test('names no absolute URL, and none is given with it', async () => {
    const relative: Change = (doc) => {
      doc.servers = [{ url: '/v1' }]
    }
    expect(await faultsOf(relative)).toEqual([expect.objectContaining({ pointer: '/servers' })])
    const given = await readDocument(shopDocument(relative), { audience: 'https://api.shop.example' })
    expect(given.audience).toBe('https://api.shop.example')
    const refused = await refusalOf(shopDocument(), 'shop')
    expect(refused.faults).toEqual([expect.objectContaining({ pointer: '?audience' })])
  })

  test.each([
    ['a parameter that is not declared', '/a/{b}', '/paths/~1a~1{b}/get', /declare/],
    ['a parameter twice', '/a/{order}/{order}', '/paths/~1a~1{order}~1{order}', undefined],
    ['a query', '/a?b', '/paths/~1a?b', undefined],
    ['a brace too many', '/a/{order', '/paths/~1a~1{order', undefined],
    ['a dot segment', '/a/../b', '/paths/~1a~1..~1b', undefined],
    ['an empty segment', '/a//b', '/paths/~1a~1~1b', undefined],
    ['an encoding that is none', '/a/%zz', '/paths/~1a~1%zz', undefined],
    ['a parameter without a name', '/a/{}', '/paths/~1a~1{}', undefined],
    ['a parameter that is no name of one', '/a/{__proto__}', '/paths/~1a~1{__proto__}', undefined],
  ])('has a path with %s', async (_, path, pointer, fix) => {
    const faults = await faultsOf((doc) => {
      doc.paths[path] = { get: { operationId: 'x', responses: { 200: { description: '' } } } }
    })
    const fault = faults.find((one) => one.pointer === pointer)
    expect(fault).toBeDefined()
    if (fix !== undefined) expect(fault?.fix).toMatch(fix)
  })

  test('has a server below which no path can be told', async () => {
    const faults = await faultsOf((doc) => {
      doc.servers = [{ url: 'https://api.shop.example' }, { url: 'https://api.shop.example/a//b' }]
    })
    expect(faults).toEqual([expect.objectContaining({ pointer: '/servers/1/url' })])
  })

  test('has a scope with the name of an operation', async () => {
    const faults = await faultsOf((doc) => {
      doc.paths['/orders'].get.operationId = 'orders:read'
    })
    expect(faults).toContainEqual(
      expect.objectContaining({ detail: 'the scope orders:read has the name of an operation' }),
    )
  })

  test('names as the organization what is no parameter of the path', async () => {
    const faults = await faultsOf((doc) => {
      doc.paths['/orders/{order}'].get['x-latchkey-organization'] = 'org'
    })
    expect(faults).toEqual([
      {
        pointer: '/paths/~1orders~1{order}/get/x-latchkey-organization',
        detail: 'x-latchkey-organization names no parameter of /orders/{order}',
        fix: 'the path has {order}',
      },
    ])
  })

  test('takes no prototype for a part of it', async () => {
    const source = Buffer.from(shopDocument())
      .toString()
      .replace('"paths":{', '"paths":{"__proto__":{"get":{}},')
    expect((await refusalOf(source)).code).toBe('document_refused')
    expect(
      await faultsOf((doc) => {
        doc.components.schemas = { A: { $ref: '#/components/__proto__/toString' } }
      }),
    ).toContainEqual(expect.objectContaining({ pointer: '/components/schemas/A/$ref' }))
  })
})

describe('the filters of roles that the document defines', () => {
  const withFilter = (field: string) =>
    read((doc) => {
      const schema = {
        type: 'object',
        properties: { total: { type: 'integer' }, street: { type: 'string' } },
      }
      doc.paths['/orders/{order}'].get.responses = {
        200: { description: 'the order', content: { 'application/json': { schema } } },
      }
      doc['x-latchkey-roles'] = {
        support: {
          allow: [{ operations: ['getOrder'] }],
          filter: [{ operations: ['getOrder'], fields: [field] }],
        },
      }
    })

  test('show fields that its responses have', async () => {
    expect((await withFilter('total')).model.roles).toContainEqual(
      expect.objectContaining({ filter: [{ operations: ['getOrder'], fields: ['total'] }] }),
    )
    await expect(withFilter('totla')).rejects.toMatchObject({
      code: 'document_refused',
      faults: [{ pointer: '/x-latchkey-roles/support/filter/0/fields/0', fix: 'did you mean total?' }],
    })
  })
})
