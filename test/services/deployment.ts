import { randomBytes } from 'node:crypto'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { type Actor, auditEvents, recorder } from '../../src/audit/record.ts'
import { newIdFrom, type OrganizationId } from '../../src/ids.ts'
import { type Organization, organizations } from '../../src/organizations/organization.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import { type DocumentReader, type ReadDocument, readDocument } from '../../src/services/read-document.ts'
import { insert } from '../../src/storage/ports.ts'

const noonMs = Date.parse('2030-01-01T12:00:00Z')

const read = new Map<string, Promise<ReadDocument>>()

/** The reader, which is pure, asked once for each document: most tests here have the same one. */
const readOnce: DocumentReader = (source, options) => {
  const key = JSON.stringify([Buffer.from(source).toString('base64'), options])
  const known = read.get(key) ?? readDocument(source, options)
  read.set(key, known)
  return known
}

/** A store in memory with an operator in it, and what use cases of services need. */
export async function deployment() {
  let nowMs = noonMs
  const clock = () => nowMs
  const random = (byteCount: number) => randomBytes(byteCount)
  const store = await openSqlite({ path: ':memory:', clock })
  const newId = newIdFrom(clock, random)
  const operatorId = newId('org')
  const by: Actor = { kind: 'key', id: newId('key'), organizationId: operatorId, requestId: 'req_test' }

  async function addOrganization(slug: string, kind: Organization['kind'], id: OrganizationId) {
    const organization: Organization = {
      id,
      organizationId: id,
      version: 1,
      name: slug,
      slug,
      kind,
      state: { kind: 'active' },
      authority: 1,
      createdAt: nowMs,
    }
    await store.commit([insert(organizations, organization)])
    return organization
  }
  await addOrganization('operator', 'operator', operatorId)

  return {
    store,
    by,
    operatorId,
    deps: {
      records: store.records,
      commit: recorder(store.commit, clock, newId),
      clock,
      newId,
      secrets: deploymentSecrets(
        ['kV3m0a7PzQ9xW2cR5tY8uI1oL4nB6vG0hJ3dF7sK2eM', 'r9T2yU5iO8pA1sD4fG7hJ0kL3zX6cV9bN2mQ5wE8rT1'],
        random,
      ),
      readDocument: readOnce,
      rolesNotFitting: async () => ({ roles: [], others: 'none' as const }),
      reservedSlugs: new Set(['api', 'admin']),
    },
    addCustomer: (slug: string) => addOrganization(slug, 'customer', newId('org')),
    advance: (ms: number) => {
      nowMs += ms
    },
    /** Sorted by name: events of one millisecond are in no order. */
    eventTypes: async (organizationId: OrganizationId) =>
      (await store.records.list(organizationId, auditEvents, 'all', '', { limit: 100 }))
        .map(({ type }) => type)
        .sort(),
  }
}

/** The bytes of a small document of records of which some are open to all; `change` may alter it. */
export function shopDocument(change: (document: ShopDocument) => void = () => {}): Uint8Array {
  const document: ShopDocument = {
    openapi: '3.1.0',
    info: { title: 'Shop', version: '1' },
    servers: [{ url: 'https://api.shop.example/v1' }],
    security: [{ oauth: ['orders:read'] }],
    components: {
      securitySchemes: {
        oauth: {
          type: 'oauth2',
          flows: {
            clientCredentials: {
              tokenUrl: 'https://shop.example/token',
              scopes: { 'orders:read': 'Read orders', 'orders:write': 'Change orders' },
            },
          },
        },
      },
    },
    paths: {
      '/health': { get: { operationId: 'getHealth', security: [], responses: ok } },
      '/orders': {
        get: { operationId: 'listOrders', responses: ok },
        post: { operationId: 'createOrder', security: [{ oauth: ['orders:write'] }], responses: ok },
      },
      '/orders/{order}': {
        parameters: [
          { name: 'order', in: 'path', required: true, schema: { type: 'string', maxLength: 40 } },
        ],
        get: { operationId: 'getOrder', responses: ok },
        delete: { operationId: 'deleteOrder', security: [{ oauth: ['orders:write'] }], responses: ok },
      },
    },
  }
  change(document)
  return Buffer.from(JSON.stringify(document))
}

const ok = { 200: { description: 'as asked' } }

// biome-ignore lint/suspicious/noExplicitAny: tests break the document in every way
type ShopDocument = any
