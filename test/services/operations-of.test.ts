import { describe, expect, test } from 'vitest'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { operationsOf as decided } from '../../src/evaluator/grant.ts'
import { operationsOf } from '../../src/services/operations-of.ts'
import { readDocument } from '../../src/services/read-document.ts'
import { shopDocument } from './deployment.ts'

const both = shopDocument((doc) => {
  doc.paths['/orders'].post.security = [{ oauth: ['orders:read', 'orders:write'] }]
  doc['x-latchkey-roles'] = {
    clerk: { grantable: true, include: ['desk'], allow: [{ operations: ['getOrder'] }] },
    desk: { include: ['orders:read', 'orders:write'] },
  }
})

describe('what roles give', () => {
  test('is shown here as the evaluator decides it', async () => {
    const { model } = await readDocument(both)
    const names = model.roles.map(({ name }) => name)
    for (const name of names) {
      const shown = [...operationsOf(model, [name])].sort()
      expect([name, shown]).toEqual([name, [...decided(compileModel(model), name, names)].sort()])
    }
  })

  test('together is more than apart where an operation needs two scopes', async () => {
    const { model } = await readDocument(both)
    expect(operationsOf(model, ['orders:write'])).not.toContain('createOrder')
    expect(operationsOf(model, ['orders:read', 'orders:write'])).toContain('createOrder')
    expect(operationsOf(model, ['clerk'])).toContain('createOrder')
  })
})
