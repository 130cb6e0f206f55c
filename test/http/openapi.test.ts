import { validate } from '@readme/openapi-parser'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { apiDocument } from '../../src/http/openapi.ts'
import { readDocument } from '../../src/services/read-document.ts'
import { noteRoutes } from './notes.ts'

const { routes } = noteRoutes()
const document = apiDocument({
  routes,
  origin: 'https://latchkey.example',
  version: '1.2.3',
  extraOperations: [
    {
      operationId: 'getBundle',
      method: 'GET',
      path: '/{service}/bundle',
      summary: 'What a guard needs to decide',
      tag: 'Guards',
      params: { service: 'The guarded service.' },
      status: 200,
      answer: z.object({ position: z.int() }),
      otherMediaTypes: ['text/event-stream'],
      errors: ['service_not_found'],
    },
  ],
  extraRoles: {
    guard: {
      description: 'Guards one service.',
      grantable: true,
      in_default_entitlement: false,
      allow: [{ operations: ['getBundle'] }],
    },
  },
})

describe('the generated OpenAPI document', () => {
  test('is valid OpenAPI 3.1', async () => {
    const result = await validate(structuredClone(document) as never)
    expect(result).toMatchObject({ valid: true })
    expect(document.openapi).toBe('3.1.0')
  })

  test('has every route as an operation, with summary, description, example and its errors', () => {
    for (const route of routes) {
      const operation = Reflect.get(
        document.paths?.[`/api/v1${route.path}`] ?? {},
        route.method.toLowerCase(),
      )
      expect(operation).toMatchObject({
        operationId: route.operationId,
        summary: route.summary,
        description: expect.any(String),
        tags: [route.tag],
        'x-codeSamples': [
          { lang: 'curl', source: expect.stringContaining('https://latchkey.example/api/v1/') },
        ],
      })
      const told = JSON.stringify(operation.responses)
      for (const code of [...route.errors, 'invalid_token', 'forbidden', 'rate_limited'])
        expect(told).toContain(`\`${code}\``)
    }
  })

  test('binds every path with an organization to the token, and no other', () => {
    for (const [path, item] of Object.entries(document.paths ?? {}))
      for (const operation of Object.values(item)) {
        const bound = Reflect.get(operation, 'x-latchkey-organization')
        expect(bound).toBe(path.includes('{organization}') ? 'organization' : undefined)
      }
  })

  test('gives customers two roles over their own organization, and takes further roles as they are', () => {
    expect(document['x-latchkey-roles']).toMatchObject({
      'organization-admin': {
        grantable: true,
        allow: [
          { operations: ['listNotes', 'createNote', 'getNote', 'searchNotes', 'renameNote', 'deleteNote'] },
        ],
      },
      'organization-viewer': {
        grantable: true,
        allow: [{ operations: ['listNotes', 'getNote', 'searchNotes'] }],
      },
      guard: { in_default_entitlement: false },
    })
  })

  test('protects every operation with the token of client credentials', () => {
    expect(document.security).toEqual([{ latchkey: [] }])
    expect(document.components?.securitySchemes?.['latchkey']).toMatchObject({
      flows: { clientCredentials: { tokenUrl: 'https://latchkey.example/latchkey/oauth/token' } },
    })
  })

  test('is read by this product as any service is: exact paths, the roles, admin and viewer for the operator', async () => {
    const { model, audience, warnings } = await readDocument(JSON.stringify(document))
    expect(warnings).toEqual([])
    expect(audience).toBe('https://latchkey.example')
    expect(model.strictPaths).toBe(true)
    expect(model.operations.map(({ id }) => id).toSorted()).toEqual(
      [...routes.map(({ operationId }) => operationId), 'getBundle'].toSorted(),
    )
    expect(model.operations.filter((operation) => operation.public)).toEqual([])
    expect(
      model.roles.map(({ name, grantable, inDefaultEntitlement, anyOrganization = false }) => [
        name,
        grantable,
        inDefaultEntitlement,
        anyOrganization,
      ]),
    ).toEqual([
      ['organization-admin', true, true, false],
      ['organization-viewer', true, true, false],
      ['guard', true, false, false],
      ['admin', false, false, true],
      ['viewer', false, false, true],
    ])
  })

  test('is plain JSON', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document)
  })
})
